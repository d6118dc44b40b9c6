#!/bin/sh
# pack.sh PROGRAM ARCHITECTURE OUT: makes a docker-archive of one image, hello-world:latest, whose only file is
# PROGRAM. The same program gives the same bytes.
set -eu
program=$1 architecture=$2 out=$3
work=$out.work
rm -rf "$work"
mkdir -p "$work/root" "$work/image"
install -m 0755 "$program" "$work/root/hello"
pack() {
    from=$1 archive=$2
    shift 2
    tar --mtime=@0 --owner=0 --group=0 --numeric-owner --format=ustar -C "$from" -cf "$archive" "$@"
}
pack "$work/root" "$work/image/layer.tar" hello
digest=$(sha256sum "$work/image/layer.tar" | cut -d' ' -f1)
created=1970-01-01T00:00:00Z
cat > "$work/image/config.json" <<JSON
{"created":"$created","architecture":"$architecture","os":"linux","config":{"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"Cmd":["/hello"],"WorkingDir":"/"},"rootfs":{"type":"layers","diff_ids":["sha256:$digest"]},"history":[{"created":"$created","created_by":"COPY hello / # berth"},{"created":"$created","created_by":"CMD [\"/hello\"]","empty_layer":true}]}
JSON
printf '[{"Config":"config.json","RepoTags":["hello-world:latest"],"Layers":["layer.tar"]}]\n' > "$work/image/manifest.json"
chmod 0644 "$work"/image/*
pack "$work/image" "$out.new" manifest.json config.json layer.tar
mv "$out.new" "$out"
rm -rf "$work"
