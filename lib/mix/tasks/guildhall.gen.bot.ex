defmodule Mix.Tasks.Guildhall.Gen.Bot do
  @shortdoc "Makes a bot on a running node"

  @moduledoc """
  Makes a bot on a running node and prints its id and its token.

      mix guildhall.gen.bot echo
      mix guildhall.gen.bot echo --intents guild_members,message_content --guild ID

  Options:

    * `--intents` - the privileged intents that it is granted, with commas; all three by default
    * `--guild` - the id of a guild that it joins
    * `--owner` - the id of the person whose bot it is
    * `--url` - where the node is; `http://127.0.0.1:4000` by default
    * `--data` - the node's data folder, which has the operator's secret; `data` by default
  """

  use Mix.Task

  alias Guildhall.Operator

  @intents "guild_members,guild_presences,message_content"

  @impl Mix.Task
  def run(arguments) do
    Mix.Task.run("app.start")

    case Operator.parse!(arguments, intents: :string, guild: :string, owner: :string) do
      {options, [name]} -> make(name, options)
      _other -> Mix.raise("expected one name: mix guildhall.gen.bot NAME")
    end
  end

  defp make(name, options) do
    intents = options |> Keyword.get(:intents, @intents) |> String.split(",", trim: true)
    body = %{username: name, intents: intents}
    body = if options[:owner], do: Map.put(body, :owner_id, options[:owner]), else: body
    %{"user" => %{"id" => id}, "token" => token} = Operator.post!(options, "/bots", body)
    Mix.shell().info("Bot #{name} has the id #{id} and the token\n#{token}")

    with guild when guild != nil <- options[:guild] do
      Operator.put!(options, "/guilds/#{guild}/members/#{id}", %{})
      Mix.shell().info("It is a member of the guild #{guild}.")
    end
  end
end
