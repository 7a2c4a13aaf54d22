"""Checks what a node answers against Discord's OpenAPI document: every route that is served, at least
once where it succeeds, and errors of each kind.

env: BASE_URL (.../api), OPERATOR_SECRET; the bots, people and the guild are made for it.
"""
import http.client
import json
import os
import pathlib
import sys
import time
import urllib.parse

from jsonschema import Draft202012Validator

BASE = urllib.parse.urlsplit(os.environ["BASE_URL"].rstrip("/"))
SPEC = json.loads((pathlib.Path(__file__).parent / "openapi.json").read_text())

# The document says that codes of form errors are integers. They are strings, everywhere.
INNER = SPEC["components"]["schemas"].get("InnerErrors")
if INNER:
    INNER["properties"]["_errors"]["items"] = {"type": "object", "required": ["code", "message"]}

RATE_LIMIT = ["Limit", "Remaining", "Reset", "Reset-After", "Bucket", "Scope"]
covered, failures = set(), []


def send(method, path, authorization, body=None, headers=()):
    """One request; waits where it is told to."""
    while True:
        connection = http.client.HTTPConnection(BASE.hostname, BASE.port, timeout=15)
        sent = {"Authorization": authorization, **dict(headers)}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        connection.request(method, path, body, sent)
        response = connection.getresponse()
        raw = response.read()
        connection.close()
        if response.status != 429:
            return response.status, response.headers, raw
        assert response.headers["Via"] and response.headers["Retry-After"].isdigit(), "a 429 without"
        time.sleep(json.loads(raw)["retry_after"])


def schema(method, template, status):
    responses = SPEC["paths"][template][method.lower()]["responses"]
    named = [name for name in (str(status), f"{status // 100}XX") if name in responses]
    if not named:
        return None, f"status {status} is not documented"
    response = responses[named[0]]
    if "$ref" in response:
        response = SPEC["components"]["responses"][response["$ref"].split("/")[-1]]
    return response.get("content", {}).get("application/json", {}).get("schema"), None


def problems(method, template, status, headers, raw):
    found, reason = schema(method, template, status)
    if reason:
        yield reason
    for name in RATE_LIMIT:
        if not headers.get(f"X-RateLimit-{name}"):
            yield f"no X-RateLimit-{name}"
    if not raw:
        if found:
            yield "no body"
        return
    if headers["Content-Type"] != "application/json":
        yield f"Content-Type is {headers['Content-Type']}"
    if found:
        validator = Draft202012Validator({**found, "components": SPEC["components"]})
        for error in validator.iter_errors(json.loads(raw)):
            place = "/".join(map(str, error.absolute_path)) or "."
            yield f"{place}: {error.message[:300]}"
    elif status < 400:
        yield "a body is not documented"


class Caller:
    def __init__(self, authorization, user=None):
        self.authorization = authorization
        self.user = user

    def __call__(self, method, template, body=None, expect=200, query="", headers=(), **params):
        quoted = {name: urllib.parse.quote(str(value), safe="") for name, value in params.items()}
        path = BASE.path + "/v10" + template.format(**quoted) + query
        status, got, raw = send(method, path, self.authorization, body, headers)
        errors = list(problems(method, template, status, got, raw))
        if status != expect:
            errors.append(f"status {status}, not {expect}: {raw[:300]}")
        elif status < 300:
            covered.add((method, template))
        print("BAD" if errors else "ok", method, template, status, flush=True)
        for error in errors[:8]:
            print("     ", error)
        failures.extend(errors)
        return json.loads(raw) if raw else None


def admin(method, path, body=None):
    secret = "Bearer " + os.environ["OPERATOR_SECRET"]
    status, _headers, raw = send(method, "/admin" + path, secret, body)
    assert status < 300, (method, path, status, raw)
    return json.loads(raw) if raw else None


def person(name):
    made = admin("POST", "/users", {"username": name})
    return Caller(made["token"], made["user"]["id"])


def bot(name):
    intents = ["guild_members", "guild_presences", "message_content"]
    made = admin("POST", "/bots", {"username": name, "intents": intents})
    return Caller("Bot " + made["token"], made["user"]["id"])


def form(fields, files):
    parts = [f'--x\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields]
    for number, (name, kind, data) in enumerate(files):
        head = f'form-data; name="files[{number}]"; filename="{name}"'
        parts.append(f"--x\r\nContent-Disposition: {head}\r\nContent-Type: {kind}\r\n\r\n{data}\r\n")
    return ("".join(parts) + "--x--\r\n").encode(), {"Content-Type": "multipart/form-data; boundary=x"}


def boot(app):
    Caller("")("GET", "/gateway")
    app("GET", "/gateway/bot")
    app("GET", "/applications/@me")
    app("GET", "/oauth2/applications/@me")
    app("GET", "/voice/regions")
    app("GET", "/soundboard-default-sounds")
    Caller("nonsense")("GET", "/users/@me", expect=401)


def commands(app, guild):
    option = {"type": 3, "name": "text", "description": "what", "choices": [{"name": "a", "value": "b"}]}
    command = {"name": "echo", "description": "Says it again.", "options": [option]}
    for place, params in [("", {}), ("/guilds/{guild_id}", {"guild_id": guild})]:
        base, params = "/applications/{application_id}" + place + "/commands", {
            **params,
            "application_id": app.user,
        }
        app("PUT", base, [command], **params)
        app("GET", base, **params)
        made = app("POST", base, {"name": "user", "type": 2}, **params)
        one = {**params, "command_id": made["id"]}
        app("GET", base + "/{command_id}", **one)
        app("PATCH", base + "/{command_id}", {"name": "renamed"}, **one)
        app("DELETE", base + "/{command_id}", expect=204, **one)
        app("GET", base + "/{command_id}", expect=404, **one)


def users(app, ada, guild):
    ada("GET", "/users/@me")
    app("GET", "/users/@me")
    ada("PATCH", "/users/@me", {"global_name": "Ada"})
    ada("PATCH", "/users/@me", {"username": "x"}, expect=400)
    app("GET", "/users/{user_id}", user_id=ada.user)
    app("GET", "/users/{user_id}", user_id=1, expect=404)
    app("GET", "/users/@me/guilds", query="?with_counts=true")
    ada("GET", "/users/@me/guilds/{guild_id}/member", guild_id=guild)
    direct = app("POST", "/users/@me/channels", {"recipient_id": ada.user})
    app("GET", "/channels/{channel_id}", channel_id=direct["id"])
    app("POST", "/channels/{channel_id}/messages", {"content": "psst"}, channel_id=direct["id"])
    ada("GET", "/channels/{channel_id}/messages", channel_id=direct["id"])


def guilds(app, ada, guild, channel):
    g = {"guild_id": guild}
    app("GET", "/guilds/{guild_id}", query="?with_counts=true", **g)
    app("GET", "/guilds/{guild_id}", guild_id=1, expect=404)
    app("PATCH", "/guilds/{guild_id}", {"description": "d", "system_channel_id": channel}, **g)
    ada("PATCH", "/guilds/{guild_id}", {"name": "mine"}, expect=403, **g)
    for name in ["threads/active", "invites", "webhooks", "emojis", "stickers", "scheduled-events"]:
        app("GET", "/guilds/{guild_id}/" + name, **g)


def channels(app, guild):
    g = {"guild_id": guild}
    base = "/guilds/{guild_id}/channels"
    made = [app("POST", base, {"name": f"t{t}", "type": t}, expect=201, **g) for t in (0, 2, 4, 5, 13, 15)]
    text = {"channel_id": made[0]["id"]}
    change = {"topic": "t", "parent_id": made[2]["id"], "rate_limit_per_user": 1, "nsfw": True}
    app("PATCH", base, [{"id": made[0]["id"], "position": 9}], expect=204, **g)
    app("PATCH", "/channels/{channel_id}", change, **text)
    app("PATCH", "/channels/{channel_id}", {"name": ""}, expect=400, **text)
    overwrite = {**text, "overwrite_id": guild}
    permission = "/channels/{channel_id}/permissions/{overwrite_id}"
    app("PUT", permission, {"type": 0, "deny": "1024", "allow": "0"}, expect=204, **overwrite)
    app("GET", base, **g)
    app("GET", "/channels/{channel_id}", **text)
    app("DELETE", permission, expect=204, **overwrite)
    app("GET", "/channels/{channel_id}/invites", **text)
    app("GET", "/channels/{channel_id}/webhooks", **text)
    for channel in made:
        app("DELETE", "/channels/{channel_id}", channel_id=channel["id"])
    app("GET", "/channels/{channel_id}", expect=404, **text)


def messages(app, ada, channel):
    c = {"channel_id": channel}
    base = "/channels/{channel_id}/messages"
    embed = {"title": "t", "fields": [{"name": "n", "value": "v"}], "timestamp": "2026-01-01T00:00:00Z"}
    embed |= {"image": {"url": "http://localhost/i.png"}, "author": {"name": "a"}, "footer": {"text": "f"}}
    content = f"<@{ada.user}> @everyone"
    first = app("POST", base, {"content": content, "embeds": [embed], "nonce": "1"}, **c)
    reply = {"content": "why", "message_reference": {"message_id": first["id"]}}
    ada("POST", base, reply, **c)
    body, headers = form([("payload_json", '{"content": "f"}')], [("a.txt", "text/plain", "abc")])
    third = app("POST", base, body, headers=headers, **c)
    ada("POST", base, {}, expect=400, **c)
    ada("POST", base, {"content": "x" * 2001}, expect=400, **c)
    ada("POST", base, b"{", expect=400, headers={"Content-Type": "application/json"}, **c)
    app("GET", base, query="?limit=3", **c)

    m = {**c, "message_id": first["id"]}
    one = base + "/{message_id}"
    reactions(app, ada, one, m)
    app("GET", one, **m)
    app("PATCH", one, {"content": "edited"}, **m)
    ada("PATCH", one, {"content": "mine"}, expect=403, **m)
    app("POST", "/channels/{channel_id}/typing", expect=204, **c)

    for pin in (base + "/pins/{message_id}", "/channels/{channel_id}/pins/{message_id}"):
        app("PUT", pin, expect=204, **m)
        app("GET", base + "/pins", **c)
        app("GET", "/channels/{channel_id}/pins", **c)
        app("DELETE", pin, expect=204, **m)

    app("DELETE", one, expect=204, **m)
    app("GET", one, expect=404, **m)
    app("POST", base + "/bulk-delete", {"messages": [first["id"]]}, expect=400, **c)
    app("POST", base + "/bulk-delete", {"messages": [first["id"], third["id"]]}, expect=204, **c)


def reactions(app, ada, message, m):
    base = message + "/reactions"
    emoji = {**m, "emoji_name": "🔥"}
    for caller in (app, ada):
        caller("PUT", base + "/{emoji_name}/@me", expect=204, **emoji)
    app("GET", base + "/{emoji_name}", **emoji)
    app("GET", message, **m)
    app("DELETE", base + "/{emoji_name}/{user_id}", expect=204, user_id=ada.user, **emoji)
    app("DELETE", base + "/{emoji_name}/@me", expect=204, **emoji)
    ada("PUT", base + "/{emoji_name}/@me", expect=204, **emoji)
    app("DELETE", base + "/{emoji_name}", expect=204, **emoji)
    app("DELETE", base, expect=204, **m)
    app("PUT", base + "/{emoji_name}/@me", expect=404, **{**m, "emoji_name": "party:1"})


def roles(app, ada, guild):
    g = {"guild_id": guild}
    base = "/guilds/{guild_id}/roles"
    made = app("POST", base, {"name": "crew", "permissions": "8", "color": 255}, **g)
    r = {**g, "role_id": made["id"]}
    app("GET", base, **g)
    app("GET", base + "/{role_id}", **r)
    app("PATCH", base + "/{role_id}", {"name": "staff", "hoist": True}, **r)
    app("PATCH", base, [{"id": made["id"], "position": 1}], **g)
    member = "/guilds/{guild_id}/members/{user_id}/roles/{role_id}"
    app("PUT", member, expect=204, user_id=ada.user, **r)
    app("DELETE", member, expect=204, user_id=ada.user, **r)
    app("DELETE", base + "/{role_id}", expect=204, **r)
    app("DELETE", base + "/{role_id}", expect=404, **r)


def members(app, ada, guild):
    g = {"guild_id": guild}
    base, bans = "/guilds/{guild_id}/members", "/guilds/{guild_id}/bans"
    bob, eve = person("bob"), person("eve")
    u = {**g, "user_id": bob.user}
    app("PUT", base + "/{user_id}", {"access_token": bob.authorization, "nick": "B"}, expect=201, **u)
    app("PUT", base + "/{user_id}", {"access_token": bob.authorization}, expect=204, **u)
    app("PUT", base + "/{user_id}", {"access_token": "x"}, expect=400, **u)
    app("GET", base, query="?limit=10", **g)
    app("GET", base, query="?limit=0", expect=400, **g)
    app("GET", base + "/search", query="?query=b&limit=10", **g)
    app("GET", base + "/{user_id}", **u)
    app("PATCH", base + "/{user_id}", {"nick": "C"}, **u)
    ada("PATCH", base + "/{user_id}", {"nick": "D"}, expect=403, **u)
    bob("PATCH", base + "/@me", {"nick": None}, **g)
    app("DELETE", base + "/{user_id}", expect=204, **u)
    app("GET", base + "/{user_id}", expect=404, **u)
    app("PUT", bans + "/{user_id}", expect=204, headers={"X-Audit-Log-Reason": "spam"}, **u)
    app("GET", bans, **g)
    app("GET", bans + "/{user_id}", **u)
    app("DELETE", bans + "/{user_id}", expect=204, **u)
    app("GET", bans + "/{user_id}", expect=404, **u)
    app("POST", "/guilds/{guild_id}/bulk-ban", {"user_ids": [bob.user, eve.user]}, **g)
    ada("DELETE", "/users/@me/guilds/{guild_id}", expect=204, **g)


def main():
    app, ada = bot("app"), person("ada")
    form = {"name": "openapi", "owner_id": app.user, "members": [ada.user]}
    made = admin("POST", "/guilds", form)
    guild = made["id"]
    channel = next(channel["id"] for channel in made["channels"] if channel["type"] == 0)

    boot(app)
    commands(app, guild)
    users(app, ada, guild)
    guilds(app, ada, guild, channel)
    channels(app, guild)
    messages(app, ada, channel)
    roles(app, ada, guild)
    members(app, ada, guild)
    admin("DELETE", f"/guilds/{guild}")

    served = {(m.upper(), path) for path, methods in SPEC["paths"].items() for m in methods}
    for method, path in sorted(served - covered):
        failures.append(f"{method} {path} never succeeded")
        print("BAD", method, path, "never succeeded")

    print(f"{'FAIL' if failures else 'PASS'} openapi {len(covered)} routes, {len(failures)} problems")
    sys.exit(bool(failures))


main()
