"""How the page looks: light and dark, on a wide screen and on a phone, with nothing fetched from anywhere."""

from base64 import b64encode
from hashlib import sha256
from typing import Final

SHEET: Final = """
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--text:#1b2330;--soft:#55606f;--line:#dde2e9;--link:#0b57b8;
--good:#10692f;--goodbg:#e3f4e8;--warn:#7a4a00;--warnbg:#fdf0d5;--bad:#a81c1c;--badbg:#fde7e7;--idle:#475467;--idlebg:#eceff3}
@media(prefers-color-scheme:dark){:root{--page:#11151b;--card:#191f27;--text:#e6eaf0;--soft:#a3adba;--line:#2c3540;
--link:#7db4ff;--good:#7ddc9b;--goodbg:#12301d;--warn:#f3c26b;--warnbg:#35270b;--bad:#ff9d9d;--badbg:#3c1719;
--idle:#b6c0cd;--idlebg:#28303a}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);
font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
header,main,footer{max-width:1280px;margin:0 auto;padding:0 20px}
header{display:flex;flex-wrap:wrap;align-items:baseline;gap:2px 20px;padding-top:20px;padding-bottom:12px}
h1{font-size:1.35rem;margin:0}
h2{font-size:1.05rem;margin:0}
a{color:var(--link)}
a:focus-visible{outline:2px solid var(--link);outline-offset:2px}
p{margin:0}
h2+dl,h2+p,dl+table{margin-top:8px}
header p,footer,caption,.none{color:var(--soft)}
header p{font-size:.9rem}
main{display:grid;grid-template-columns:minmax(0,1fr);gap:16px}
section{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:14px 16px;min-width:0}
bdi{overflow-wrap:anywhere}
.state{border-left-width:6px}
.state ul{margin:6px 0 0;padding-left:20px}
.state.good{border-left-color:var(--good)}.state.good h2{color:var(--good)}
.state.warn{border-left-color:var(--warn)}.state.warn h2{color:var(--warn)}
.state.bad{border-left-color:var(--bad)}.state.bad h2{color:var(--bad)}
.state.idle{border-left-color:var(--idle)}
dl{margin:0;display:grid;gap:12px;grid-template-columns:repeat(auto-fit,minmax(138px,1fr))}
dl div{min-width:0}
dt{color:var(--soft);font-size:.85rem}
dd{margin:0;font-size:1.5rem;font-weight:600;line-height:1.25;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
dd small{display:block;font-size:.82rem;font-weight:400;color:var(--soft)}
dd.bad{color:var(--bad)}dd.warn{color:var(--warn)}
table{border-collapse:collapse;width:100%;margin-top:2px}
caption{text-align:left;font-size:.9rem;padding-bottom:6px}
th,td{text-align:left;vertical-align:top;padding:6px 14px 6px 0;border-top:1px solid var(--line);font-weight:400;
overflow:hidden}
thead th{border-top:0;color:var(--soft);font-size:.85rem;white-space:nowrap}
th:last-child,td:last-child{padding-right:0}
.number{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.short{white-space:nowrap}
tbody .mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.87em}
.id{min-width:9.5rem}
.code{min-width:5rem}
.wide{min-width:14rem}
.badge{display:inline-block;padding:0 8px;border-radius:10px;font-size:.85rem;font-weight:600;white-space:nowrap;
color:var(--idle);background:var(--idlebg)}
.badge.good{color:var(--good);background:var(--goodbg)}
.badge.warn{color:var(--warn);background:var(--warnbg)}
.badge.bad{color:var(--bad);background:var(--badbg)}
.more{color:var(--soft);margin-top:8px;font-size:.9rem}
footer{padding-top:16px;padding-bottom:28px;font-size:.9rem}
footer a{margin-right:14px}
@media(min-width:1200px){main{grid-template-columns:repeat(2,minmax(0,1fr))}.full{grid-column:1/-1}}
@media(max-width:1100px){
header,main,footer{padding-left:12px;padding-right:12px}
section{padding:12px}
main{gap:12px}
dl{grid-template-columns:repeat(auto-fill,minmax(min(138px,45%),1fr))}
table,caption,tbody,th{display:block}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
tbody tr{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(200px,45%),1fr));gap:2px 12px;
border-top:1px solid var(--line);padding:8px 0}
th,td{border:0;padding:0}
tbody th,td.mono,td.wide,td.place{grid-column:1/-1}
td{display:flex;gap:8px;align-items:baseline;min-width:0}
td::before{content:attr(data-label);color:var(--soft);font-size:.88rem;font-family:system-ui,sans-serif;flex:none}
td.blank{display:none}
td.badged{flex-wrap:wrap;gap:0 8px}
.badge{font-size:.78rem;white-space:normal;overflow-wrap:anywhere}
tbody th{font-weight:600}
.number{text-align:left;white-space:normal}
.id,.code,.wide{min-width:0}
}
""".strip()

_HASH: Final = b64encode(sha256(SHEET.encode()).digest()).decode()

POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page's Content-Security-Policy: the style sheet above, an icon within the page, and nothing else."""
