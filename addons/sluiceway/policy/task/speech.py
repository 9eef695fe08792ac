"""How much a few lines speak like somebody who asks for something, against a piece of a text that was pasted."""

from __future__ import annotations

import re

from sluiceway.policy.task.cues import cues_of, cues_within

FIRST = 6  # words among which what is wanted is named
SHORT, LONG, TOO_LONG = 130, 260, 420  # characters
SET_OFF = 0.8  # for one line; half of it where that begins with a capital, as pasted titles do
VERSE = 0.4  # for each line beyond the second
MANY_WORDS = 60  # looked at

_WORD = re.compile(r"[^\W\d_\u3040-\u30ff\u4e00-\u9fff]+")
_CJK = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
# With what requests and questions begin, in the languages of the vocabulary.
_OPENERS = frozenset(
    """
    add adapt analyse analyze answer any anything annotate assess brainstorm break build calculate can change check
    classify clean come comment compare complete compose compute condense continue convert correct could create
    critique debug decide deduce define derive describe design determine did do document does draft draw edit
    estimate evaluate examine expand explain extend extract figure fill find fix format forecast generate give
    go grade group hallo help hi highlight how identify imagine implement improve interpret into invent is are
    judge just justify label list make map mark merge migrate name optimise optimize organise organize outline
    paraphrase parse pick plan please plz port predict pretend proofread propose prove provide put rank rate
    read recommend refactor remove rename rephrase replace reply respond restructure retell review revise reword
    rewrite say shorten should show simplify solve sort spot suggest sum summarise summarize tell think tldr
    tl transform translate transcribe turn update use verify walk weigh what what's whats when where which who
    whose why will would write you
    analysiere antworte auf beantworte begründe berechne bewerte bitte denk dichte entwirf erfinde erkläre erläutere
    ergänze erstelle fass fasse finde formuliere gib hilf ins ist interpretiere kannst können korrigiere
    könnest könntest kürze liste lös löse mach mache nenn nenne ordne plane prüf prüfe rechne schätz schlag schlage
    schreib schreibe setz sind sortiere soll sollen sollte sollten übersetz übersetze überarbeite überleg vergleich
    vergleiche verbessere verfasse wandle wann warum was welche welcher welches wer weshalb wie wieso wo zähl zeig
    analyse améliore calcule combien comment compare complète continue convertis corrige crée dis donne décris
    démontre est explique fais faut imagine invente liste où optimise peux pouvez pourquoi pourrais propose que
    quel quelle quelles quels quels qui raconte rédige réponds résous résume réécris traduis transforme trouve
    vérifie écris évalue
    ayúdame calcula compara completa contesta continúa convierte corrige crea cuál cuándo cuánto cuántos cómo dame
    demuestra describe dime dónde encuentra enumera escribe explica explícame haz imagina inventa mejora
    ordena planifica por propón puede puedes qué quién redacta reescribe responde resume resuelve traduce
    analizza calcola che chi come completa confronta continua controlla correggi cosa crea dammi descrivi dimmi
    dimostra elenca estrai fai fammi immagina perché puoi quale quali quando quanto racconta riassumi riscrivi
    rispondi risolvi scrivi spiega spiegami suggerisci traduci trova trasforma valuta
    analise calcule como compare conta continue corrija crie dá dê descreva diga encontra escreve escreva
    explica explique faz faça melhora melhore me onde planeja pode porque qual quais quando reescreva
    responda resolva resuma sugira traduz traduza
    """.split()
)
# Of these, those with which a sentence that only tells something begins as often.
_ALSO_TOLD = frozenset(
    "when where who which what how why that is are was if as come to any anything you wann wo wie wer quand où quando "
    "que qui quien dove che chi come como por into group place figure plan change show name answer".split()
)
# Words by which somebody points at what is beside the question, and speaks of oneself.
POINTING = frozenset(
    """
    this these that it following below above attached here's text document code file log thread table contract
    article letter diese diesen dieser dieses das folgende folgenden folgender unten oben text anbei daraus hier
    ce cet cette ci ceci suivant suivante texte este esta esto siguiente texto questo questa seguente testo isto
    abaixo seguinte
    """.split()
)
_PERSONS = frozenset(
    """
    i i'm my me we our us you your please pls plz thanks ich mir mich mein meine meinen wir uns unser unsere du bitte
    je mon ma mes nous notre vous svp merci mi me nosotros nuestro gracias favor io mio mia noi nostro grazie eu meu
    minha nós obrigado
    """.split()
)
_LETTER = re.compile(
    r"(?:dear|sehr geehrte|liebe[rs]? |kind regards|best regards|regards|yours|best,|mit freundlichen|viele grüße"
    r"|cordialement|bonjour|madame|monsieur|estimad|saludos|un cordial|reciban|gentil|cordiali|prezad"
    r"|atenciosamente|abstract\b|sent from|signed|place, date)",
    re.IGNORECASE,
)
_PASTED_START = re.compile(r"[\"“„«>#|§•*(\[]|\d{1,3}[.)] |- ")
_ASKING_CJK = re.compile(r"请|帮|把|翻译|总结|解释|分析|写|为什么|什么|怎么|哪|吗|ください|下さい|して|なぜ|教えて|ですか|書いて|要約|翻訳|这|このコード|この文")
_ENDS_ASKED = ("?", "？")
_ENDS_SHOWN = (":", "：")


def speaks(text: str) -> float:
    """From about -3, a piece of a text, to about 7, a request. Of a few hundred characters at most."""
    text = text.strip()
    dense = len(_CJK.findall(text))
    score = _of_form(text, len(text) + dense)
    words = _WORD.findall(text[:TOO_LONG].lower())[:MANY_WORDS]
    if dense:
        score += 2.0 if len(text) + dense <= SHORT and _ASKING_CJK.search(text) else 0.0
        score += 0.5 * min(2, sum(1 for _ in cues_within(text[:SHORT])))
    if not words:
        return score
    if words[0] in _OPENERS:
        score += 0.5 if words[0] in _ALSO_TOLD and text.endswith((".", "。")) else 2.0
    score += 0.8 * any(word in POINTING for word in words)
    score += 0.8 * any(word in _PERSONS for word in words)
    return score + 0.5 * min(2, sum(bool(cues_of(word)) for word in words[:FIRST]))


def _of_form(text: str, length: int) -> float:
    """By its length, how it begins and how it ends."""
    score = 0.5 if length <= SHORT else -1.0 * (length > LONG) - 2.0 * (length > TOO_LONG)
    if length <= SHORT and "\n" not in text:
        score += SET_OFF if text[:1].islower() else SET_OFF / 2
    if text.endswith(_ENDS_ASKED):
        score += 2.0
    elif text.endswith(_ENDS_SHOWN):
        score += 1.5
    elif any(mark in text for mark in _ENDS_ASKED):
        score += 1.0
    score -= VERSE * max(0, text.count("\n") - 1)
    if _LETTER.match(text):
        score -= 3.0
    return score - 1.5 * (_PASTED_START.match(text) is not None)
