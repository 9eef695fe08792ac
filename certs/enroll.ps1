# Sets up this Windows user so that its AI clients go through the company's proxy; -Undo takes it back.
#
#   powershell -ExecutionPolicy Bypass -File enroll.ps1                 asks for your proxy URL, fetches the CA through it
#   powershell -ExecutionPolicy Bypass -File enroll.ps1 -Ca ca.pem -Bundle bundle.pem       takes them from files
#   powershell -ExecutionPolicy Bypass -File enroll.ps1 -Sha256 HEX     trusts the CA only if it has this fingerprint
#   powershell -ExecutionPolicy Bypass -File enroll.ps1 -NoProxy ".corp.example,10.0.0.0/8"
#   powershell -ExecutionPolicy Bypass -File enroll.ps1 -Undo
#
# It writes the user's environment variables, a folder .config\sluiceway in the user's profile, and the user's own
# list of trusted roots (Windows asks before it adds one). What was there before is kept in enroll-state.json there.
param(
    [string]$ProxyUrl,
    [string]$Ca,
    [string]$Bundle,
    [string]$Sha256,
    [string]$NoProxy,
    [switch]$Undo
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$Portal = 'http://sluiceway.internal'
$Folder = Join-Path $HOME '.config\sluiceway'
$State = Join-Path $Folder 'enroll-state.json'
$Form = 'write it as it was given to you: http://NAME:TOKEN@HOST:PORT or https://NAME:TOKEN@HOST:PORT'

function Stop-Here([string]$Reason) {
    [Console]::Error.WriteLine("enroll.ps1: $Reason")
    exit 1
}

function Get-UserVariable([string]$Name) {
    return [Environment]::GetEnvironmentVariable($Name, 'User')
}

# $null removes the variable.
function Set-UserVariable([string]$Name, $Value) {
    [Environment]::SetEnvironmentVariable($Name, $Value, 'User')
    [Environment]::SetEnvironmentVariable($Name, $Value, 'Process')
}

function Undo-Enrolment {
    if (-not (Test-Path -LiteralPath $State)) {
        Stop-Here "$State is not there, so this script has changed nothing here"
    }
    $Was = Get-Content -LiteralPath $State -Raw | ConvertFrom-Json
    foreach ($Entry in $Was.variables) {
        # What the user has set anew since stays.
        if ((Get-UserVariable $Entry.name) -eq $Entry.ours) {
            Set-UserVariable $Entry.name $Entry.before
        }
    }
    if ($Was.thumbprint) {
        $Trusted = "Cert:\CurrentUser\Root\$($Was.thumbprint)"
        if (Test-Path -LiteralPath $Trusted) {
            Remove-Item -LiteralPath $Trusted
        }
    }
    foreach ($Name in 'ca.pem', 'bundle.pem', 'node-extra.pem', 'enroll-state.json') {
        $File = Join-Path $Folder $Name
        if (Test-Path -LiteralPath $File) {
            Remove-Item -LiteralPath $File
        }
    }
    Write-Output 'Everything is as it was. Programs that are open keep their variables.'
}

# The URL is a secret: it is read without being shown, and no message quotes it.
function Read-ProxyUrl {
    $Given = $ProxyUrl
    if (-not $Given) {
        $Secret = Read-Host 'Your proxy URL (it is not shown)' -AsSecureString
        $Given = (New-Object System.Net.NetworkCredential('', $Secret)).Password
    }
    $Given = $Given.Trim().TrimEnd('/')
    $Pattern = '^https?://([A-Za-z0-9._~%-]+:[A-Za-z0-9._~%-]+@)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):[0-9]{1,5}$'
    if ($Given -notmatch $Pattern) {
        Stop-Here "the proxy URL cannot be used; $Form"
    }
    return $Given
}

function Get-FromPortal([string]$Url, [string]$Name) {
    $Uri = [Uri]$Url
    $Client = New-Object System.Net.WebClient
    $Client.Proxy = New-Object System.Net.WebProxy("$($Uri.Scheme)://$($Uri.Authority)", $false)
    if ($Uri.UserInfo) {
        $Who = $Uri.UserInfo.Split(':', 2)
        $User = [Uri]::UnescapeDataString($Who[0])
        $Token = [Uri]::UnescapeDataString($Who[1])
        $Client.Proxy.Credentials = New-Object System.Net.NetworkCredential($User, $Token)
    }
    try {
        return $Client.DownloadString("$Portal/$Name")
    } catch {
        Stop-Here "$Name could not be fetched through the proxy at $($Uri.Authority): check host, port, name and token, or give it as a file"
    }
}

function Read-Pem([string]$Path) {
    if (-not (Test-Path -LiteralPath $Path -PathType Leaf)) {
        Stop-Here "${Path}: cannot be read; name the company's file"
    }
    return Get-Content -LiteralPath $Path -Raw
}

function Get-Certificates([string]$Pem) {
    $Pattern = '-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----'
    foreach ($Found in [regex]::Matches($Pem, $Pattern)) {
        $Der = [Convert]::FromBase64String(($Found.Groups[1].Value -replace '\s', ''))
        New-Object System.Security.Cryptography.X509Certificates.X509Certificate2(, $Der)
    }
}

function Get-Fingerprint($Certificate) {
    $Sha = [System.Security.Cryptography.SHA256]::Create()
    return [BitConverter]::ToString($Sha.ComputeHash($Certificate.RawData)).Replace('-', ':')
}

# The anchor, checked as `sluiceway enroll` checks it.
function Confirm-Anchor([string]$Pem, [string]$Source) {
    if ($Pem -match 'PRIVATE KEY-----') {
        Stop-Here "${Source}: holds a private key, which no machine may have; give ca.pem"
    }
    $Found = @(Get-Certificates $Pem)
    if ($Found.Count -lt 1) {
        Stop-Here "${Source}: holds no PEM certificate; give the company's ca.pem"
    }
    if ($Found.Count -gt 8) {
        Stop-Here "${Source}: holds $($Found.Count) certificates; give ca.pem, not bundle.pem"
    }
    $Anchor = $Found[0]
    $Basic = $Anchor.Extensions | Where-Object { $_.Oid.Value -eq '2.5.29.19' }
    if (-not ($Basic -and $Basic.CertificateAuthority)) {
        Stop-Here "${Source}: is not the certificate of an authority (CA); give the company's ca.pem"
    }
    $Now = Get-Date
    if ($Now -gt $Anchor.NotAfter -or $Now -lt $Anchor.NotBefore) {
        Stop-Here "${Source}: is valid from $($Anchor.NotBefore) to $($Anchor.NotAfter), and this machine's clock says $Now"
    }
    $Fingerprint = Get-Fingerprint $Anchor
    if ($Sha256 -and (($Sha256 -replace '[: ]', '') -ne ($Fingerprint -replace ':', ''))) {
        Stop-Here "${Source}: its SHA-256 is $Fingerprint, not the one you gave; do not trust it, and tell your platform team"
    }
    return $Anchor
}

function Join-NoProxy {
    $All = @('localhost', '127.0.0.1', '::1') + "$(Get-UserVariable 'NO_PROXY'),$NoProxy".Split(',; '.ToCharArray())
    return (@($All | Where-Object { $_ } | Select-Object -Unique) -join ',')
}

# UTF-8 without a mark at its beginning: OpenSSL and Node read it, whichever PowerShell wrote it.
function Write-Text([string]$Name, [string]$Text) {
    $File = Join-Path $Folder $Name
    [IO.File]::WriteAllText($File, $Text, (New-Object System.Text.UTF8Encoding($false)))
    return $File
}

# What an earlier run remembers of the time before it, else what is there now.
function Get-Before($Was, [string]$Name) {
    if ($Was) {
        $Entry = $Was.variables | Where-Object { $_.name -eq $Name }
        if ($Entry -and ((Get-UserVariable $Name) -eq $Entry.ours)) {
            return $Entry.before
        }
    }
    return Get-UserVariable $Name
}

function Add-Trust([string]$File, $Anchor) {
    $There = Test-Path -LiteralPath "Cert:\CurrentUser\Root\$($Anchor.Thumbprint)"
    if ($There) {
        return $false
    }
    try {
        Import-Certificate -FilePath $File -CertStoreLocation Cert:\CurrentUser\Root | Out-Null
        return $true
    } catch {
        Write-Warning 'Windows does not trust the CA now; programs that read the environment work all the same.'
        return $false
    }
}

if ($Undo) {
    Undo-Enrolment
    exit 0
}

$Url = Read-ProxyUrl
if ($Ca) {
    $Pem = Read-Pem $Ca
    $Source = $Ca
} else {
    $Pem = Get-FromPortal $Url 'ca.pem'
    $Source = "the CA from $Portal"
}
$Anchor = Confirm-Anchor $Pem $Source
if ($Bundle) {
    $Roots = Read-Pem $Bundle
} else {
    $Roots = Get-FromPortal $Url 'bundle.pem'
}
# Windows loads its own roots only when a site needs them, so its list cannot be copied: the company's is taken.

$Was = $null
if (Test-Path -LiteralPath $State) {
    $Was = Get-Content -LiteralPath $State -Raw | ConvertFrom-Json
}
New-Item -ItemType Directory -Force -Path $Folder | Out-Null
$CaFile = Write-Text 'ca.pem' $Pem
$NodeFile = $CaFile
foreach ($Name in 'SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS') {
    # Another company root that was trusted before still is.
    $Theirs = Get-Before $Was $Name
    if ($Theirs -and (Test-Path -LiteralPath $Theirs -PathType Leaf)) {
        $More = Get-Content -LiteralPath $Theirs -Raw
        $Roots = "$Roots`n$More"
        if ($Name -eq 'NODE_EXTRA_CA_CERTS') {
            $NodeFile = Write-Text 'node-extra.pem' "$Pem`n$More"
        }
    }
}
$BundleFile = Write-Text 'bundle.pem' "$Roots`n$Pem"

$Wanted = [ordered]@{
    HTTPS_PROXY = $Url
    NO_PROXY    = Join-NoProxy
}
foreach ($Name in 'SSL_CERT_FILE', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE', 'PIP_CERT', 'GIT_SSL_CAINFO',
    'npm_config_cafile', 'GRPC_DEFAULT_SSL_ROOTS_FILE_PATH', 'CODEX_CA_CERTIFICATE') {
    $Wanted[$Name] = $BundleFile
}
if ($Url.StartsWith('https:')) {
    $Wanted['GIT_PROXY_SSL_CAINFO'] = $BundleFile
}
$Wanted['NODE_EXTRA_CA_CERTS'] = $NodeFile
$Wanted['NODE_USE_ENV_PROXY'] = '1'

$Kept = @()
foreach ($Name in $Wanted.Keys) {
    $Kept += @{ name = $Name; before = (Get-Before $Was $Name); ours = $Wanted[$Name] }
}
$Thumbprint = $null
if ($Was) {
    $Thumbprint = $Was.thumbprint
}
# The state is written before anything outside our folder is touched, and again once the root is trusted.
Write-Text 'enroll-state.json' (@{ version = 1; variables = $Kept; thumbprint = $Thumbprint } | ConvertTo-Json -Depth 4) | Out-Null
foreach ($Name in $Wanted.Keys) {
    Set-UserVariable $Name $Wanted[$Name]
}
if (Add-Trust $CaFile $Anchor) {
    $Thumbprint = $Anchor.Thumbprint
    Write-Text 'enroll-state.json' (@{ version = 1; variables = $Kept; thumbprint = $Thumbprint } | ConvertTo-Json -Depth 4) | Out-Null
}

Write-Output "CA, SHA-256 $(Get-Fingerprint $Anchor)"
Write-Output 'Compare it with the one your platform team tells you.'
Write-Output ''
Write-Output 'Open a new window; then see that it works:  curl.exe --ssl-no-revoke -si https://api.anthropic.com/sluiceway-doctor'
Write-Output 'A line x-sluiceway-request-id in the answer means that the way is open.'
