defmodule Mix.Tasks.Guildhall.Gen.Guild do
  @shortdoc "Makes a guild on a running node"

  @moduledoc """
  Makes a guild on a running node and prints its id and its channels.

      mix guildhall.gen.guild Workshop --owner ID
      mix guildhall.gen.guild Workshop

  Without an owner a person is made for it, whose token is printed.

    * `--owner` - the id of the user who owns it
    * `--url` - where the node is; `http://127.0.0.1:4000` by default
    * `--data` - the node's data folder, which has the operator's secret; `data` by default
  """

  use Mix.Task

  alias Guildhall.Operator

  @impl Mix.Task
  def run(arguments) do
    Mix.Task.run("app.start")

    case Operator.parse!(arguments, owner: :string) do
      {options, [name]} -> make(name, options)
      _other -> Mix.raise("expected one name: mix guildhall.gen.guild NAME")
    end
  end

  defp make(name, options) do
    owner = options[:owner] || person(options)
    guild = Operator.post!(options, "/guilds", %{name: name, owner_id: owner})
    Mix.shell().info("Guild #{name} has the id #{guild["id"]} and the channels")

    for channel <- guild["channels"] do
      Mix.shell().info("  #{channel["id"]}  #{channel["name"]}")
    end
  end

  defp person(options) do
    body = %{username: "owner"}
    %{"user" => %{"id" => id}, "token" => token} = Operator.post!(options, "/users", body)
    Mix.shell().info("Its owner has the id #{id} and the token\n#{token}")
    id
  end
end
