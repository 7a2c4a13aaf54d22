#!/usr/bin/env bash
# Says something in a channel and reads the newest messages back, with nothing but curl:
#
#     TOKEN=... CHANNEL_ID=... examples/say.sh "hello"
#
# A bot's token is sent as "Bot TOKEN", a person's as it is: set AUTH to override.
set -euo pipefail
base=${BASE_URL:-http://127.0.0.1:4000/api}/v10
auth=${AUTH:-Bot ${TOKEN:?Set TOKEN to one of the bot tokens that bin/run printed.}}
channel=${CHANNEL_ID:?Set CHANNEL_ID to the channel that bin/run printed.}

# The text becomes a JSON string: backslashes, quotes and line ends are escaped.
text=${1:-hello}
text=${text//\\/\\\\} text=${text//\"/\\\"} text=${text//$'\n'/\\n}

curl --fail-with-body --silent --show-error \
  -H "Authorization: $auth" -H 'Content-Type: application/json' \
  -d "{\"content\": \"$text\"}" "$base/channels/$channel/messages"
echo
curl --fail-with-body --silent --show-error \
  -H "Authorization: $auth" "$base/channels/$channel/messages?limit=5"
echo
