#!/bin/bash
# SPDX-License-Identifier: MIT
# Each file of lib/ includes only headers of the modules above it in this list.
set -eu
order="mem pool error log tls_options tls_context tls_fault tls_room tls utf8 variant variant_ask variant_copy variant_write variant_read frame random outq pktq
    writer url tally files config admission answer http extension deflate handshake request taps peer peer_ask peer_send peer_receive variant_peer decoder context posts loop loop_uv resolver
    unixsock listener adoption progress link link_time wire_write wire_http wire_opening wire_tls wire wsrole_server wsrole endpoint peertable backoff client
    client_reconnect client_options client_tls server server_options server_admission server_adopt server_tls vhost
    multiplayer_wire multiplayer_roster multiplayer_room multiplayer_backlog multiplayer_host multiplayer_guest multiplayer multiplayer_variant
    inspector_json inspector_store inspector_files inspector inspector_gate inspector_command inspector_page"
bad=0

position() {
    local i=0 module
    for module in $order; do
        i=$((i + 1))
        [ "$module" != "$1" ] || { echo $i; return; }
    done
    echo 0
}

for file in lib/*.c lib/*.h; do
    own=$(basename "${file%.*}")
    here=$(position "$own")
    [ "$here" != 0 ] || { echo "$file: not in the list of layers"; bad=1; }
    for included in $(sed -n 's/^#include "\([a-z0-9_]*\)\.h"$/\1/p' "$file"); do
        there=$(position "$included")
        if [ "$there" = 0 ] || [ "$there" -gt "$here" ]; then
            echo "$file includes $included.h, which is not above it"
            bad=1
        fi
    done
    case "$own" in
    context | link | wire_write | wire | wsrole | wsrole_server | endpoint | vhost) ;;
    *) ! grep -Hn 'include <libwebsockets' "$file" || bad=1 ;;
    esac
    if [ "$own" != mem ] &&
        grep -HnE '(^|[^a-z_])(malloc|calloc|realloc|free|strdup|strndup)\(' "$file"; then
        bad=1
    fi
done
echo "layers: $(ls lib/*.c lib/*.h | wc -l) files"
exit $bad
