defmodule Guildhall.Banner do
  @moduledoc false

  # What `bin/run` tells its user once the node answers: where it is, who may log in, what to copy.

  @doc "Returns what a script needs to chat, as NAME and value."
  @spec environment(atom(), Guildhall.Seed.t()) :: [{String.t(), String.t()}]
  def environment(instance, seed) do
    url = Guildhall.url(instance)

    [
      {"BASE_URL", "#{url}/api"},
      {"GATEWAY_URL", gateway(url)},
      {"TOKEN", hd(seed.bot_tokens)},
      {"TOKEN2", List.last(seed.bot_tokens)},
      {"USER_TOKEN", seed.user_token},
      {"GUILD_ID", "#{seed.guild_id}"},
      {"CHANNEL_ID", "#{seed.channel_id}"},
      {"EXPECT_MEMBERS", "#{seed.members}"}
    ]
  end

  @doc "Returns the text that greets the user."
  @spec text(atom(), Guildhall.Seed.t(), Path.t()) :: String.t()
  def text(instance, seed, data) do
    url = Guildhall.url(instance)
    [token, token2] = seed.bot_tokens

    """

    Guildhall is running on #{url} and stops with Ctrl-C.

      REST      #{url}/api/v10
      Gateway   #{gateway(url)}
      Status    #{url}/   #{url}/health   #{url}/metrics
      Data      #{data}, with the operator's secret in operator.key (docs/admin.md)

    The demo guild #{seed.guild_id} has #{seed.members} members; #general is channel #{seed.channel_id}.

      Bot A     #{token}
      Bot B     #{token2}
      Person    #{seed.user_token}

    A discord.js bot that answers "!ping":
      npm install --prefix examples && TOKEN=#{token} BASE_URL=#{url}/api node examples/bot.mjs

    A discord.py bot, the same:
      pip install -r examples/requirements.txt && TOKEN=#{token2} BASE_URL=#{url}/api GATEWAY_URL=#{gateway(url)} python3 examples/bot.py

    Say something, as the person:
      curl -H 'Authorization: #{seed.user_token}' -H 'Content-Type: application/json' -d '{"content": "!ping"}' #{url}/api/v10/channels/#{seed.channel_id}/messages
    """
  end

  defp gateway("http" <> rest), do: "ws" <> rest
end
