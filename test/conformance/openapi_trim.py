"""Cuts Discord's OpenAPI document (discord/discord-api-spec, MIT) down to the routes that are served.

usage: openapi_trim.py SPEC < routes > openapi.json

A route a line, "GET /users/@me". Of each operation its responses are kept, and of the components what
they refer to; prose is left out.
"""
import json
import sys

PROSE = {"description", "summary", "title", "example", "examples", "deprecated"}


def bare(node, names=False):
    """The node without prose. The keys of `properties` are names, whatever they are called."""
    if isinstance(node, list):
        return [bare(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = node if names else {key: value for key, value in node.items() if key not in PROSE}
    return {key: bare(value, key in ("properties", "schemas")) for key, value in kept.items()}


def references(node):
    if isinstance(node, list):
        for item in node:
            yield from references(item)
    elif isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield tuple(node["$ref"].removeprefix("#/components/").split("/"))
        for value in node.values():
            yield from references(value)


def trim(spec, routes):
    paths = {}
    for method, path in routes:
        responses = bare(spec["paths"][path][method.lower()]["responses"])
        for response in responses.values():
            response.pop("headers", None)
        paths.setdefault(path, {})[method.lower()] = {"responses": responses}

    components, waiting = {}, list(references(paths))
    while waiting:
        kind, name = waiting.pop()
        if name not in components.setdefault(kind, {}):
            component = bare(spec["components"][kind][name])
            if kind == "responses":
                component.pop("headers", None)
            components[kind][name] = component
            waiting.extend(references(component))

    info = {"title": spec["info"]["title"], "version": spec["info"]["version"]}
    return {"openapi": spec["openapi"], "info": info, "paths": paths, "components": components}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        spec = json.load(file)
    routes = [line.split() for line in sys.stdin if line.strip()]
    print(json.dumps(trim(spec, routes), indent=1, sort_keys=True))


main()
