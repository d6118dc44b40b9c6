"""A small authorization plugin by Docker's plugin protocol, a process of its own:
`python3 authz_plugin.py SOCKET|PORT FOLDER [CERTIFICATE KEY CLIENTS-AUTHORITY]`.

What it is asked goes to FOLDER/calls, a JSON object a line. FOLDER/rules.json says what it answers, read anew for each
call: [{"phase": "AuthZReq" or "AuthZRes", "match": regular expression on "METHOD path", "body": one on the body,
"msg": reason, "error": text, "kind": what it says it implements}]; the first that fits counts, and without one it allows.
"""

import base64
import json
import re
import sys
import threading
from pathlib import Path
from urllib.parse import unquote, urlsplit

from plugin_server import Refused, serve

ADDRESS, FOLDER = sys.argv[1], Path(sys.argv[2])
LOCK = threading.Lock()


def fits(rule, phase, call):
    body = base64.b64decode(call.get("RequestBody", "")).decode(errors="replace")
    what = call.get("RequestMethod", "") + " " + unquote(urlsplit(call.get("RequestUri", "")).path)
    return rule["phase"] == phase and re.search(rule.get("match", ""), what) and re.search(rule.get("body", ""), body)


def answer(method, call):
    rules = FOLDER / "rules.json"
    rules = json.loads(rules.read_text()) if rules.exists() else []
    if method == "Plugin.Activate":
        return {"Implements": [next((rule["kind"] for rule in rules if "kind" in rule), "authz")]}
    phase = method.partition(".")[2]
    with LOCK, (FOLDER / "calls").open("a") as calls:
        calls.write(json.dumps({"Phase": phase, **call}) + "\n")
    for rule in rules:
        if "kind" in rule or not fits(rule, phase, call):
            continue
        if "error" in rule:
            raise Refused(rule["error"])
        return {"Allow": False, "Msg": rule.get("msg", "no")}
    return {"Allow": True}


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    serve(("127.0.0.1", int(ADDRESS)) if ADDRESS.isdigit() else ADDRESS, answer, sys.argv[3:6] or None)
