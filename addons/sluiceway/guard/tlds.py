"""Which last labels make an e-mail address: country codes, and any longer one that is not a file's or code's."""

from __future__ import annotations

COUNTRIES = frozenset(
    b"ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz ca"
    b" cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo"
    b" fr ga gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je"
    b" jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo"
    b" mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt"
    b" pw py qa re ro rs ru rw sa sb sc sd se sg sh si sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk"
    b" tl tm tn to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw".split()
)
# Seen after an `@` in code, file names and units: decorators, retina images, matrices, systemd.
NOT_TLDS = frozenset(
    b"png jpg jpeg gif svg webp bmp ico pdf css scss html htm xml json yaml yml toml ini cfg conf txt log csv tsv"
    b" exe dll bin zip tar tgz whl jar deb rpm dmg iso img min map tsx jsx vue lock bak tmp sql exs java class cpp"
    b" service socket target timer mount slice scope device path dot shape sum mean func function prop property"
    b" setter getter deleter default value key item items self this array length size git npm tmpl toString"
    b" option command group route get post put delete patch fixture mark given register override abstractmethod".split()
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
