"""Which last labels make an e-mail address: country codes, and longer ones that no file or code has."""

from __future__ import annotations

COUNTRIES = frozenset(
    b"ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw"
    b" by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et"
    b" eu fi fj fk fm fo fr ga gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie"
    b" il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv"
    b" ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr"
    b" nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sk sl"
    b" sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz"
    b" va vc ve vg vi vn vu wf ws ye yt za zm zw".split()
)
# Seen after an `@` in code, file names and units: decorators, retina images, matrices, systemd.
NOT_TLDS = frozenset(
    b"png jpg jpeg gif svg webp bmp ico pdf css scss html htm xml json yaml yml toml ini cfg conf txt"
    b" log csv tsv exe dll bin zip tar tgz whl jar deb rpm dmg iso img min map tsx jsx vue lock bak tmp"
    b" sql exs java class cpp service socket target timer mount slice scope device path dot shape sum"
    b" mean func function prop property setter getter deleter default value key item items self this"
    b" array length size git npm tmpl toString option command group route get post put delete patch"
    b" fixture mark given register override abstractmethod".split()
)


def is_tld(label: bytes) -> bool:
    """Whether a domain may end in this label, in either case but not in a mixture of them."""
    lower = label.lower()
    if len(label) == 2:
        return lower in COUNTRIES
    if lower.startswith(b"xn--"):
        return True
    if not (3 <= len(label) <= 24 and label.isalpha() and label.isascii()):
        return False
    return label in (lower, label.upper()) and lower not in NOT_TLDS
