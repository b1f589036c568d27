#!/bin/sh
# Starts Redis with the users of users.acl, whose passwords are in REDIS_CACHE_PASSWORD and REDIS_BROKER_PASSWORD, or in
# the files that REDIS_CACHE_PASSWORD_FILE and REDIS_BROKER_PASSWORD_FILE name.
# Arguments go to redis-server. REDIS_SERVER replaces the command that starts it.
set -eu

hash() { printf %s "$1" | sha256sum | cut -d ' ' -f 1; }

if [ -n "${REDIS_CACHE_PASSWORD_FILE:-}" ]; then REDIS_CACHE_PASSWORD=$(cat "$REDIS_CACHE_PASSWORD_FILE"); fi
if [ -n "${REDIS_BROKER_PASSWORD_FILE:-}" ]; then REDIS_BROKER_PASSWORD=$(cat "$REDIS_BROKER_PASSWORD_FILE"); fi
: "${REDIS_CACHE_PASSWORD:?is missing}" "${REDIS_BROKER_PASSWORD:?is missing}"
umask 077
users=$(mktemp)
sed -e '/^# /d' -e '/^#$/d' \
    -e "s/#CACHE_PASSWORD/#$(hash "$REDIS_CACHE_PASSWORD")/" \
    -e "s/#BROKER_PASSWORD/#$(hash "$REDIS_BROKER_PASSWORD")/" \
    "$(dirname "$0")/users.acl" > "$users"
# The image's entry point drops root's rights, and then the server must still be able to read the file.
if [ "$(id -u)" = 0 ] && id redis > /dev/null 2>&1; then chown redis "$users"; fi
# Without quotes: a command with arguments.
exec ${REDIS_SERVER:-docker-entrypoint.sh redis-server} --aclfile "$users" "$@"
