"""Words that tell of a task, by what they tell, in the languages people ask in. A `*` stands for any ending.

Written by hand, so that they also help with words the examples do not contain; how much each cue counts is
learned from the examples (weights.tsv).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sluiceway.policy.task.kinds import Kind

# The kind of task that a cue speaks for, as a person would say; its weight may say otherwise.
SPEAKS_FOR: Mapping[str, Kind] = MappingProxyType(
    {
        "code_work": "coding",
        "code_thing": "coding",
        "code_language": "coding",
        "code_tooling": "coding",
        "code_trouble": "coding",
        "maths": "reasoning",
        "science": "reasoning",
        "analysis": "reasoning",
        "decision": "reasoning",
        "planning": "reasoning",
        "cause": "reasoning",
        "quantity": "reasoning",
        "literary": "creative",
        "naming": "creative",
        "invention": "creative",
        "copywriting": "creative",
        "translation": "other",
        "summary": "other",
        "extraction": "other",
        "correction": "other",
        "correspondence": "other",
        "small_talk": "other",
        "lookup": "other",
    }
)

WORDS: Mapping[str, str] = {
    "code_work": """
        implement* refactor* debug* compil* deploy* scaffold* lint* mock* squash* revert* rebas* commit*
        migrat* instal* pars* serializ* deserializ* iterat* decod* encod* recursion recursive unit tests
        test implementier* programmier* kompilier* reparier* programm* implément* corrige développ*
        déploy* implementa* refatora* depur* despliega crea* corregg* ottimizza* codifica* desenvolv*
        optimi* unittest* benchmark* instantiat* overload* override* subclass* inherit* render*
        rerender* fetch scrape* scraping scraper crawl* containeriz* dockeriz* vectoriz* memoiz*
        tokeniz* obfuscat* minify transpil* bundl* autoscal* provision* profil* rollback stub unstage
        untracked cherry stash clone fork checkout chmod grep configurer configure* déboguer compiler
        exécut* ejecut* compilar compila* instanci* rodar debugg* refaktor* einbinden ausführ* abstürz*
        stürzt hack code coding coded program programming programa programar programmi* programmer
        automat* automatis* automatiz* audit unzip symlink""",
    "code_thing": """
        function functions script* regex* regexp sql api apis bug bugs endpoint* query queries json yaml
        xml csv dockerfile container* docker git repo repos repository branch* pipeline compiler html
        css bash shell powershell terminal exception* variable* array* loop* async thread* mutex backend
        frontend server* database* databank* datenbank* plugin* schema cli parser code codes codebase
        makefile cron* daemon websocket* http https localhost url* method* class classes module* library
        libraries package* import imports dependency dependencies component* middleware oauth jwt token*
        cache* boolean integer* string* pointer* struct template* callback* promise* macro* makro*
        formula formel funktion* skript* methode klasse klassen abfrage* fonction* requête* classe
        fichier* función funciones consulta* clase archivo* rama funzione codice função código programa
        consulta ficheiro* constant* binary struct* app webapp website table column* index config*
        configur* log logs merge pull ssl cert firewall port iptables cluster ide venv bot selector
        dropdown button sidebar header div linker flexbox iframe homepage websites webpage favicon
        stylesheet viewport sprite breakpoint breakpoints typings type types enum enums interface
        interfaces generic generics lambda lambdas closure closures decorator* iterator* generator*
        coroutine* goroutine* channel semaphore stack heap queue linked hashmap hash dict dictionary
        tuple list lists vector tree trie graph sort sorting algorithm algorithms big complexity
        overflow offset buffer bytes bits socket* tcp udp dns proxy gateway router subnet vlan vpn ssh
        scp ftp smtp imap cookie* session* cors csrf xss injection vulnerabilit* reentrancy hashing
        encrypt* decrypt* hmac tls webhook* payload headers request requests response rest grpc protobuf
        microservice* monolith orm migration migrations foreign primary rows row nullable varchar
        timestamp timestamps join joins indexes subquery trigger triggers view views spreadsheet*
        vlookup xlookup pivot sheets excel tableur feuille hoja planilha cell cells dataframe* tensor*
        epoch gpu cuda model layer layers neural dataset cmd stdin stdout stderr stacktrace env
        virtualenv path wildcard glob filename filenames folder folders directory directories
        verzeichnis ordner dossier carpeta cartella pasta readme changelog version lockfile artifact
        artifacts ci cd workflow* runner deployment* replica pod pods namespace node nodes instance
        instances vm vms image volume registry kernel driver firmware sketch gpio sensor bluetooth apps
        anwendung schaltfläche navigation komponent* zeile schleife fenêtre bouton boutons menu champ
        tableau boucle botón botones formulario pantalla bucle servidor* pulsante pagina ciclo botão
        tela arquivo arquivos laço vetor lista página modal checkbox tooltip navbar footer placeholder
        textarea input form forms login signup avatar pagination endpoint buttons crud backend*
        opensource""",
    "code_language": """
        python javascript java rust golang kotlin typescript php ruby swift haskell c++ c# cobol fortran
        perl scala lua elixir clojure matlab vba elisp solidity assembly latex js ts tsx jsx cpp plpgsql
        awk sed jq mysql postgres* sqlite graphql r sas stata vb net dotnet bash zsh fish erlang ocaml
        delphi pascal ada groovy dart julia nim zig wasm webassembly glsl hlsl verilog vhdl abap cython
        scheme lisp prolog tcl applescript autohotkey regex markdown graphviz mermaid plantuml xpath
        xslt sparql cypher pl pyspark spark dax jinja sass scss less""",
    "code_tooling": """
        react* angular vue svelte django flask fastapi spring laravel rails express node nodejs npm pip
        yarn webpack vite jest pytest junit terraform ansible helm kubernetes kubectl nginx apache redis
        kafka rabbitmq aws lambda azure gcp cloudformation github gitlab jenkins gradle maven pandas
        numpy pytorch tensorflow sqlalchemy hibernate prisma vim emacs vscode linux ubuntu debian
        systemd prometheus grafana tailwind bootstrap flutter android xcode unity arduino mongodb
        elasticsearch dynamodb openssl curl tampermonkey discord mypy eslint faker wordpress tidyr dplyr
        ggplot matplotlib plotly seaborn sklearn scikit keras huggingface langchain openai pygame godot
        unreal blender three threejs chartjs jquery nextjs next nuxt gatsby remix astro redux zustand
        axios dataloader apollo hasura supabase firebase firestore heroku vercel netlify cloudflare
        traefik caddy haproxy istio envoy consul vault packer vagrant puppet chef salt bazel cmake make
        gcc clang llvm cargo rustc poetry conda pipenv uv ruff black pylint tox nox celery gunicorn
        uvicorn wsgi starlette pydantic asyncio numba dask airflow dbt snowflake bigquery redshift
        clickhouse cassandra influxdb sentry datadog splunk logstash kibana opentelemetry jaeger swagger
        openapi postman insomnia playwright selenium cypress puppeteer mocha chai rspec minitest phpunit
        composer symfony woocommerce shopify magento drupal joomla raspberry zigbee mqtt wireguard
        openvpn iptables nftables ufw tmux screen nano neovim intellij pycharm eclipse netbeans webstorm
        jupyter colab notebook notebooks storybook figma rxjs ngrx signalr blazor wpf winforms entity
        efcore automapper nuget msbuild linq hikaricp quarkus micronaut lombok mockito kotest ktor
        jetpack compose swiftui uikit cocoapods swiftpm alamofire expo ionic electron tauri powerapps
        powerbi tableau zapier oracle mssql mariadb sqlserver ldap kerberos active windows macos""",
    "code_trouble": """
        error errors typeerror keyerror valueerror nameerror referenceerror syntaxerror nullpointer*
        segfault* segmentation traceback stacktrace crash* exception undefined null nan deprecated
        timeout* leak deadlock broken fails failing failed failure fehlermeldung* fehler erreur* plante
        error* errore erro erros debug bug bugs flaky warning unresolved unhandled uncaught unreachable
        unexpected invalid illegal denied refused rejected corrupt* hang hangs freeze freezes slow stuck
        panic panics oom segv sigterm sigkill nonzero nullptr typeerror* attributeerror* importerror*
        runtimeerror* indexerror* zerodivisionerror* filenotfound* ioerror warnings stürzt absturz
        funktioniert meldung journal avería fallo falla guasto bloccato trava travando falha overlaps
        overlapping overflowing reboots rebooting crashing misaligned regression""",
    "maths": """
        solve* prove proof calculat* comput* deriv* integra* equation* probabilit* matrix theorem*
        algebra geometr* sum product divisible converge* diverg* inverse polynomial quadratic median
        variance equilibrium löse beweis* berechn* rechne gleichung* wahrscheinlich* ableitung summe
        démontr* calcul* résou* équation* somme resuelv* demuestr* calcula* ecuaci* probabilidad* suma
        derivada calcola dimostra* equazion* resolve* demonstra equação probabilidade odds dice coin*
        triangle* circle* prime* primzahl* logic* logik* syllogism puzzle riddle* liar lügt mienten
        percent percentage prozent induction limit expected value formula herleit* leite maximise
        maximize minimise minimize perimeter area volume radius diameter angle angles hypotenuse
        parallel perpendicular tangent slope fraction fractions decimal binary numerator exponent*
        logarithm* log sin cos tan cosine sine factor factorial factoris* factoriz* simplify permut*
        combin* binomial poisson gaussian normal bayes deviation mean average mode standard regression
        eigenvalue* determinant vector inequalit* modulo remainder integer integers even odd digit
        digits sequence series term terms sudoku crossword weighings balls jugs litre litres rope ropes
        doors prisoners boxes guess truth truthful implies contrapositive premise premises valid invalid
        contradiction paradox bayesian twice half third thirds quarter ratio proportion* times minus
        plus divided multiplied squared cubed equals older younger combined respectively flächeninhalt
        umfang winkel dreieck kreis rechteck bruch möglichkeiten durchschnitt mittelwert zins* doppelt
        becken rohre aire périmètre moyenne vitesse racine carré área perímetro ángulo promedio
        velocidad fracción raíz cuántos cuántas obreros litros média velocidade quanti quante perimetro
        angolo frazione radice media velocità quantos quantas torneira balance chess mate checkmate""",
    "science": """
        force velocity speed mass energy entropy molecule* atom* gravity acid* oxid* voltage pressure
        temperature friction physics physically chemistry chemical thermodynamic* enzyme* gene genes
        oscillat* projectile kraft druck metal* electr* physik* molek* schwimmt flotte coule ramp orbit*
        moon tides patient dose dosage symptom* diagnos* electron* proton* neutron* ion ions bond bonds
        bonding enthalpy catalyst* reaction* equilibrium molar mole moles ph acidic wavelength frequency
        photon* quantum relativ* momentum torque acceleration inertia resistor* current ohm volt watts
        bulb newton joule joules density buoyan* float floats boil boiling melt freez* evapor* osmosis
        mitosis allele* genotype* phenotype* evolution* selection planet planets star gravity*
        gravitational refract* diffract* lens sky rainbow medic* drug drugs warfarin interaction*
        contraindicat* leaves soil plant noise grinding engine pilot*""",
    "analysis": """
        analy* analiz* compar* evaluat* evalú* assess* weigh* pros cons advantage* disadvantage*
        tradeoff* trade risk* hypothes* implication* consequence* interpret* argu* justif* infer*
        conclu* critiqu* flaw* objection* explain* reason* rational* vergleich* bewert* vorteil*
        nachteil* beurteil* risik* ursach* avantage* inconvénient* ventaj* desventaj* razona* vantagg*
        svantagg* valuta* rischi* confront* vantagen* compare avali* examine determin* deduc* correlat*
        confound* significan* evidence statistic* regression impact effects plausible likely discuss
        debate essay thesis defend refute rebut rebuttal position ethic* moral* dilemma utilitarian*
        deontolog* kant mill premise swot pestle stakeholder* feasib* viab* sustainab* scenario*
        sensitivity forecast* predict* projection* estimat* assumption* benchmark trends trend driver
        drivers root insight* pattern* outlier* significance sample cohort experiment* control placebo
        study studies underperform* overperform* declin* dropped drop rose fell increase increased
        decrease* doubled halved despite although trotz obwohl folgen auswirkung* spricht dafür dagegen
        erwäg* abwäg* einschätz* schätz* begründ* folger* conséquence* explique* évalue* apprécie*
        argument* hypothès* examin* consecuencia* efectos valora* evalua* hipótesis estim* consegu*
        ipotesi motivazion* avaliação hipótese* consequência* justifica* examinar doomed inevitable
        weaknesses strengths strength weakness counterargument* implications synthesis investigate""",
    "decision": """
        should decid* choos* choice recommend* better best option* priorit* worth cheaper worthwhile
        whether which soll sollen sollte* lohnt entscheid* empfehl* wählen vaut choisi* recommand*
        meilleur* conviene elegir mejor scegliere migliore decidir escolher melhor rank rate smarter
        versus vs matrix decision decisions option options alternative* prefer* suggest suggests advise
        advice smart wiser sensible either instead rather keep drop switch lease leasing buy rent
        renting refinance hire afford lieber besser günstiger sinnvoll* entscheidung* wahl kaufen mieten
        leasen auswählen choisir louer acheter préférable avantageux peine debería deberíamos decidir*
        decisión convendría alquilar comprar opción opciones dovrei comprare affittare decisione scelta
        opzion* devo deveria alugar decisão opç* pena riskier risky""",
    "planning": """
        plan plans plane planning schedul* strateg* roadmap itinerar* budget* timeline milestone* phase*
        phases projektplan reise* urlaub* zeitplan plan* organiz* organis* programme prépare planeja
        viagem viaje voyage week weeks month months days critical dependencies backlog agenda gantt
        sprint* rollout relocation relocate move moving training workout programme* curriculum syllabus
        revision revise study exam exams prüfung* lernplan trainingsplan wochenplan urlaubsplan
        tagesplan route itinéraire étapes semaines semana semanas mes meses itinerario allenamento
        settimane settimana roteiro treino estudo estudio preparation prepare order priority priorities
        triage quarter quarters goal goals objective* okr okrs kpi kpis deadline deadlines""",
    "cause": """
        why warum weshalb wieso pourquoi perché porqué porque cause* causes root explanation* hypothesis
        because reason reasons explains explanation grund gründe raison raisons razón razones motivo
        motivos causa causas ursache* happening""",
    "quantity": """
        interest mortgage loan rate cost costs revenue margin profit* price* percent invest* salar* tax*
        demand supply sales kosten zinsen gewinn umsatz* preis* kapital euro euros dollar* usd eur kg km
        kwh litre* liter* hour hours minutes year years coût* prix intérêt* ventes precio* coste* ventas
        interés juros preço* custo* vendas empréstimo prezzo costo costi sconto many much yield return
        returns apr compound principal installment* instalment* monthly annually yearly weekly daily net
        gross wage wages income expenses savings save pension retire retirement inheritance stock stocks
        bond bonds fund funds portfolio fee fees discount discounts tariff bill bills payback breakeven
        churn arpu ltv cac leads conversion visitors customers subscribers headcount units stück monat
        monatlich jährlich gehalt lohn rabatt kredit darlehen rente miete sparen verdien* budget loyer
        salaire remise crédit emprunt bénéfice rentab* ingresos sueldo descuento préstamo ahorro ahorr*
        ganancia stipendio prestito risparmi* guadagn* desconto salário poupan* lucro rendimento metres
        miles mph kmh speed distance average weigh weighs""",
    "literary": """
        poem* poetr* poetic story stories storytelling haiku sonnet* limerick* song songs lyrics novel*
        tale tales fairy fable* verse* rhyme* rhyming ballad* rap monolog* dialogue dialog scene*
        screenplay sketch plot fiction fanfic* villanelle ode acrostic parody satire satirical eulogy
        toast lullaby bedtime myth* legend* gedicht* geschichte kurzgeschichte märchen lied liedtext
        reim* roman erzähl* gutenachtgeschichte versform poème* histoire conte chanson* récit poema*
        cuento* historia* leyenda canción letra poesia poesie favola filastrocca racconta* storia
        canzone conto história* canção crônica jingle diary chapter ending endings creepypasta thriller
        noir riddle riddles tongue twister twisters epitaph* proverb* prologue epilogue anecdote*
        vignette* memoir* allegory soliloquy couplet* quatrain* stanza* chorus hymn anthem carol chant
        serenade elegy epic saga whodunit mystery gothic horror romance romantic steampunk cyberpunk
        scifi fanfiction microfiction drabble play theatre screenplays sketches speech* monólogo
        monologue monologo telenovela lore episode pilot storyboard puppet campfire ghost spooky scary
        rätsel liebes* liebesgedicht sage fabel ballade strophe* vers verse krimi drehbuch theaterstück
        rede devinette* énigme fable comptine scène pièce nouvelle discours vœux adivinanza* fábula
        verso versos estrofa guion chiste rima rimas obra indovinello barzelletta racconto romanzo
        scenetta adivinha* peça piada crónica poetically lyrical card greeting""",
    "naming": """
        name names namen naming slogan* tagline* title titles catchphrase* nickname* noms nombre*
        nombres nomi nomes nome motto codename heißen call nickname nicknames brandname domain band
        namensvorschl* namensideen titel überschrift* titre titres prénom* título títulos apodo* titoli
        titolo soprannom* apelido* baptise christen""",
    "invention": """
        invent* imagin* pretend* roleplay* role character* brainstorm* fiction* villain* dragon* wizard*
        worldbuild* fantasy ideas idea idee ideen idées creativ* kreativ* créati* dungeon backstory
        erfind* denk fictional reimagine stell inventa* imagina* inventer perspective act voice persona
        protagonist superhero* alien* monster* pirat* narrator quest sword personnage* personaje*
        personagem world mashup game concept concepts riddle creative creatively creativity original
        surreal whimsy magical magic enchanted mythical elf elves orc goblin vampire* zombie* ghost*
        princess prince queen king knight* castle* kingdom unicorn* robot* superpower* heroine hero
        heroes antagonist* narrat* tavern* campaign npc npcs spell spells potion potions curse cursed
        treasure realm planet pretending impersonat* talk speak voiced inspired style mood tone scene
        midjourney dalle prompt prompts stable drehe fiktiv* figur figuren held* ritter zauber* hexe*
        drache* wesen fee personnages sorcière chevalier princesse magique bruja* dragón hada* duende*
        príncipe princesa mágic* strega drago cavaliere bruxa* dragão fada* universe""",
    "copywriting": """
        ad ads advert* caption* campaign* witty punchy catchy playful cheeky whimsical funny fun humor*
        headline* instagram tiktok youtube podcast* brand* blog launch pitch evocative vivid dreamy
        werbetext* werb* lustig* publicité* publicit* anuncio* divertid* annonce accroche pubblicit*
        anúncio* marca marke marque puns pun punny sparkle* emojis hook hooks voiceover quirky comic
        comedy joke* dramatic adverts billboard flyer poster* leaflet brochure copy copywrit* seo
        newsletter subject tweet* hashtag* viral reel reels shorts influencer* bio hero cta motto mascot
        persona jingle commercial spot trailer teaser blurb motivational inspiring inspirational
        heartfelt moving touching hilarious sarcastic humorous comedic comedian silly goofy quirk*
        dazzling irresistible charming charmant witzig* heiter launig* originell spritzig
        produktbeschreibung produkttext anzeige drôle amusant* humoristique percutant* gracios* cómic*
        original pegadiz* llamativ* buff* spiritos* accattivante simpatic* engraçad* cativante*
        chamativ* speech toast roast wedding birthday anniversary geburtstag* hochzeit* anniversaire
        mariage cumpleaños boda compleanno matrimonio aniversário casamento valentine*""",
    "translation": """
        translat* übersetz* traduis* traduir* traduc* traduz* traduci* traduzione traduction english
        german french spanish italian portuguese dutch polish turkish japanese chinese russian englische
        französische anglais inglés inglese inglês tedesco deutsch español français arabic hindi korean
        swedish norwegian danish finnish greek czech hungarian romanian ukrainian latin hebrew
        vietnamese thai indonesian catalan translator italienisch* spanisch* polnisch* türkisch*
        espagnol italien allemand allemande chinois portugais alemán francés italiano portugués spagnolo
        francese portoghese giapponese cinese espanhol francês alemão dicionário dit dice diz sagt
        untertitel subtitle* localiz*""",
    "summary": """
        summar* tldr tl dr condens* shorten* shorter takeaway* gist overview recap brief zusammen*
        zusammenfass* fasse kürze résum* resum* riassum* riassunto main points article artikel
        transcript* minutes protokoll thread summarise summarised summarize sentences paragraph
        essential essence digest abridge* abstract highlights keypoints conclusions report document
        attached boil nutshell zusammenfassung stichpunkt* kurzfassung gekürzt hälfte essentiel abrège
        synthèse puntos principales sintetiz* punti principali sintesi pontos principais síntese
        sintetize""",
    "extraction": """
        extract* extrahier* extrai* extrae* estrai* list lists pull pick fill field* format* table
        tabelle tableau tabla bullet* bullets alphabetical sort classify categor* sentiment label tag
        detect identify convert transcri* remove anonym* turn names dates amounts addresses phone emails
        entities entity keyword* mentions mentioned occurrences headings bibliography citations apa mla
        template tabular chronolog* group groups labels tagged annotate annotier* markiere mark
        highlight filter out spell converted metric liste auflisten alphabetisch sortier* extrais classe
        trie liste* ordena* clasific* ordina classific* enumer* elenc* name job screenshot photo picture
        image chart alt ocr handwriting""",
    "correction": """
        proofread* grammar spelling typo* rephras* reword* rewrite* reformul* paraphras* formal polite
        politer punctuation correct rechtschreib* grammatik korrigier* höflich* formulier* corrige
        corriger orthograph* ortograf* gramát* grammatic* correggi reescrev* riscriv* reescrib* fautes
        errori tone plain wording spellcheck misspell* typos mistakes grammatical rewording clearer
        clarity concise simpler professional professionally friendlier softer copyedit edit editing
        proof lektorier* umformulier* umschreib* kommasetzung tippfehler sachlicher freundlicher
        verständlicher améliore reformule* plus clairement ortográfic* redacción mejora* claro corrige*
        formale chiaro chiara riformul* correg* clareza melhora* british american punctuate comma commas""",
    "correspondence": """
        email emails mail mails letter reply respond message invite invitation reminder note landlord
        colleague customer boss manager client resignation complaint application cover reference meeting
        dear regards brief kunde* kundin antwort* schreiben lettre propriétaire carta correo jefe
        cliente respond* rispondi lettera fornecedor memo announcement notice linkedin job posting
        recipient sender inquiry enquiry confirm confirmation apolog* appointment reschedul* cancel
        cancell* invoice refund followup cc letterhead hr recruiter employer applicant interview cv
        resume résumé vacation holiday leave sick absence neighbour* neighbor* tenant teacher school
        parents doctor dentist bank insurance insurer authority council whatsapp sms text texts slack
        teams staff notify inform nachricht einladung absage zusage kündigung bewerbung* anschreiben
        termin nachbarn vermieter chef chefin kollegen kollegin mahnung rechnung courriel voisin*
        facture candidature résiliation employeur collègue* cita factura vecino* reunión mensaje
        currículum profesor solicitud appuntamento fattura vicino vicini riunione messaggio candidatura
        dimissioni reunião mensagem vizinho* consulta fatura encomenda professor""",
    "small_talk": """
        hi hello hey thanks thank thx ok okay yes lol bye cheers morning hallo danke moin bonjour salut
        merci hola gracias buenos ciao grazie oi olá obrigad* nice awesome bored lonely you hiya howdy
        yo sup greetings evening afternoon night goodbye welcome please sorry sure great cool haha lmao
        wow perfect love bot human real alive feel sad happy tired chat talk guten abend tschüss servus
        bonsoir coucou bien tardes noches adiós qué tal buonasera buongiorno arrivederci prego bom dia
        boa tarde noite tchau valeu obrigado obrigada joke fact fun subscription membership order parcel
        account password""",
    "lookup": """
        who when where capital population definition define mean means meaning synonym* stand tallest
        highest oldest largest invented wrote painted discovered recipe symptoms weather history wer
        wann wo hauptstadt bedeutet was qui quand où quel quelle quién cuándo dónde cuál qué significa
        chi quando dove quem qual onde capitale hauptstädte president born country countries
        abbreviation pronunc* difference say how rezept recette receta ricetta ceo founder founded died
        age height length distance currency flag language religion zip postcode timezone time open
        opening hours address phone celebrate holiday holidays date happened occurred directed starred
        actor actress author painter composer scientist planets element symbol chemical calories protein
        vitamins ingredients cook boil bake wash stain rules rule offside plural singular antonym*
        etymology idiom origin acronym stands short called known famous located founding invasion
        chancellor minister erfunden entdeckt einwohner höchste höchster längste längster größte heißt
        geboren gestorben spielt wohnt habitants inventé découvert peint écrit grand haut long quels
        quelles habitantes inventó descubrió pintó escribió largo alto grande cuántos nació murió
        abitanti inventato scoperto dipinto scritto lungo nato descobriu inventou pintou escreveu maior
        rio altura distância tell about overview life""",
}

# Of Chinese and Japanese, which have no spaces: what stands anywhere in a text.
CJK: Mapping[str, str] = {
    "code_work": "実装 リファクタ デバッグ デプロイ テストも 编程 调试 重构 部署 实现一个 运行",
    "code_thing": "関数 スクリプト クエリ コード コンポーネント 正規表現 コミット 函数 脚本 代码 正则 查询 "
    "接口 线程 数据库",
    "code_trouble": "エラー バグ 报错 错误信息 异常 崩溃",
    "maths": "方程式 確率 解いて 計算 証明 证明 概率 方程 计算 求解 注满 几只 多久",
    "analysis": "分析 メリット デメリット 比較 論点 結論 比较 原因 评估 推理 利弊 優先 可能性",
    "decision": "べき どちら どっち 应该 还是 哪个 选择 划算 おすすめ",
    "planning": "計画 计划 安排 スケジュール 规划 予算 预算",
    "cause": "なぜ 理由 为什么 どうして 原因",
    "quantity": "何km 何時間 多少 いくつ 時速 何円",
    "literary": "俳句 物語 童話 小説 詩 歌詞 替え歌 诗 故事 小说 童话 歌词 微小说 散文 短歌 剧本",
    "naming": "名前 店名 名字 起名 ネーミング 起几个",
    "invention": "アイデア 考えて 想像 创意 想十个 想象 扮演 キャラ 编一个",
    "copywriting": "キャッチコピー 広告 广告 文案 宣伝 标语 口号",
    "translation": "翻訳 英語に 日本語に 翻译 译成 英文",
    "summary": "要約 まとめて 总结 概括 摘要 三行",
    "correction": "敬語 直して 校正 修改 正式 润色 添削 语法",
    "correspondence": "メール 返信 邮件 お礼 手紙 回复 请假 通知",
    "small_talk": "こんにちは ありがとう おはよう 你好 谢谢 您好",
    "lookup": "とは 何ですか どこ 誰 是哪 哪里 首都 是谁 什么意思 高さは いつ",
}
