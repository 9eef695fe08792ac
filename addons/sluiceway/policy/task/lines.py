"""What a line of a message looks like, and by its lines what was pasted: code, a log, a table, data, mail, prose."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal

type Paste = Literal["code", "log", "table", "data", "mail", "prose"]

PASTES: tuple[Paste, ...] = ("code", "log", "table", "data", "mail", "prose")
LINE_CHARACTERS = 200  # of a line so many are looked at
MAIL_LINES = 2  # headers in which a mail is seen, however much it says
ALIKE = 0.4  # the share of lines that makes a paste more than prose

_MAIL = re.compile(
    r"(?:From|To|Cc|Subject|Sent|Date|Von|An|Betreff|Gesendet|De|À|Objet|Envoyé|Asunto|Para|Enviado|Da|Oggetto"
    r"|Inviato|Assunto|发件人|主题|件名|差出人): ?\S|-{3,} ?(?:Original|Forwarded|Ursprüngliche|Weitergeleitete)"
    r"|.{5,120}\b(?:wrote|schrieb|a écrit|escribió|ha scritto|escreveu) ?:$|>"
    r"|\[?\d\d?:\d\d(?::\d\d)?\]? ?<?[A-Z][\w ]{0,20}>?:|[a-z]{2,12}: [a-z]"
)
_LOG = re.compile(
    r"\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d|\w{3} {1,2}\d{1,2} \d\d:\d\d:\d\d|\S{1,60} \S{1,20} \S{1,20} \[\d\d/\w{3}/"
    r"|[ \t]{1,8}at [\w.$/<>]{1,200}\(|(?:ERROR|WARN|WARNING|INFO|DEBUG|FATAL)\b|Traceback \(|  File \""
    r"|Caused by: |[a-z_]{1,30}(?:\.\w{1,60}){1,9}(?:Error|Exception)\b|\w{0,40}(?:Error|Exception): "
    r"|\[ *\d{1,9}\.\d|> Task |[A-Z]{5,10}: |BUILD |\d\d:\d\d:\d\d[.,]\d"
)
_TABLE = re.compile(
    r"\|.{1,80}\|.{0,80}\||[^;\n]{0,60};[^; \n][^;\n]{0,60};|[^\t]{0,60}\t[^\t]{1,60}\t"
    r"|[^,\n]{0,60},[^, \n][^,\n]{0,60},[^, \n]"
)
_DATA = re.compile(r"\s{0,40}(?:\"[\w $.-]{1,60}\" ?:|[{\[]\{?\"|[}\]],?$|\{$|\[$|\"[^\"]{0,80}\",?$)")
_CODE = re.compile(
    r"\s{0,40}(?:(?:def|class|import|from|package|using|public|private|protected|static|func|fn|let|const|var|return"
    r"|function|export|async|await|struct|enum|interface|namespace|template|typedef|module|require|include"
    r"|resource|variable) ?[\w\"'{(<@*.]{1,80}"
    r"(?:[ ({=:;.,<]|$)(?!.{20,}[.?!]$)"
    r"|(?:if|for|while|switch|catch|elif|else|try|except|finally|do|then|fi|done|esac|end)\b ?[(\[{:$!\"]"
    r"|(?:if|for|while|elif|with|except) .{1,120}[:{]$|(?:else|try|fi|done|end|break|continue|pass)\b.?$"
    r"|#(?:include|define|if|!)|//|/\*|\*[ /]|\"\"\"|'''|@\w|[-+]{1,3}[ \t]?\S.{0,80}[;{}()=]|diff --git|@@ -|index [0-9a-f]{6}"
    r"|</?[a-zA-Z!?]|[}\])]{1,4}[;,)]{0,3}$|[})] ?(?:else|catch|while|=>|from|\))"
    r"|[\w.$\[\]\"'>-]{1,60} ?(?:[-+*/|:]?=|:=|<-) ?\S"
    r"|(?:SELECT|FROM|WHERE|JOIN|LEFT|INNER|GROUP|ORDER|HAVING|INSERT|UPDATE|DELETE|CREATE|ALTER|WITH|AND|SET|LIMIT)\b"
    r"|(?:- )?[\w.-]{1,40}:(?: [\w.\"'/&*\[{-]\S{0,60})?$|\$ ?\w|[a-z][\w./-]{1,30} -{1,2}[a-zA-Z]|[\w.]{1,60}\(.{0,120}\)[;:{,]?$)"
)
_CODE_ENDS = (";", "{", "}", "(", "[", "=>", "&&", "||", "\\", "):", ") {", "/>", "</")


def line_kind(line: str) -> Paste:
    """Of a line that is not blank. Prose is what is nothing else."""
    line = line[:LINE_CHARACTERS].rstrip()
    if _LOG.match(line):
        return "log"
    if _MAIL.match(line):
        return "mail"
    if _DATA.match(line):
        return "data"
    if line.endswith(_CODE_ENDS) or _CODE.match(line):
        return "code"
    if _TABLE.match(line):
        return "table"
    return "code" if line[:2] in ("  ", "\t") and not line.lstrip()[:1].isalpha() else "prose"


def paste_kind(lines: Sequence[str]) -> Paste:
    """What some lines of a paste are, taken together."""
    counts: Counter[Paste] = Counter(map(line_kind, lines))
    if not counts:
        return "prose"
    if counts["mail"] >= MAIL_LINES and counts["mail"] >= counts["code"]:
        return "mail"
    kind = max(PASTES[:-2], key=lambda each: counts[each])
    return kind if counts[kind] and sum(counts.values()) * ALIKE <= _others(counts) else "prose"


def _others(counts: Counter[Paste]) -> int:
    """Lines that are neither prose nor mail."""
    return sum(counts[kind] for kind in PASTES[:-2])
