#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Uploads an OCI layout to a registry over plain HTTP (distribution-spec, "Push"): push_layout.py FOLDER http://HOST:PORT."""
import json
import pathlib
import sys
import urllib.error
import urllib.parse
import urllib.request

layout, registry = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
name = layout.name


def blob(digest):
    return (layout / "blobs" / digest.replace(":", "/")).read_bytes()


def call(method, url, data=None, kind="application/octet-stream"):
    request = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": kind})
    # Loopback only: no proxy of the environment has a say.
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request)


def upload(digest):
    try:
        call("HEAD", f"{registry}/v2/{name}/blobs/{digest}")
        return
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
    place = urllib.parse.urljoin(registry, call("POST", f"{registry}/v2/{name}/blobs/uploads/", b"").headers["Location"])
    call("PUT", f"{place}{'&' if '?' in place else '?'}digest={digest}", blob(digest))


for top in json.loads((layout / "index.json").read_text())["manifests"]:
    manifest = json.loads(blob(top["digest"]))
    for part in [manifest["config"], *manifest["layers"]]:
        upload(part["digest"])
    tag = top["annotations"]["org.opencontainers.image.ref.name"]
    for name_of_manifest in {tag, "latest"}:
        call("PUT", f"{registry}/v2/{name}/manifests/{name_of_manifest}", blob(top["digest"]), top["mediaType"])
