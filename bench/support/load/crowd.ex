defmodule Bench.Load.Crowd do
  @moduledoc false

  # The clients of a load test, made through the operator's API: bots, because they may hear of
  # presences, all in one guild, whose owner posts in its channel.

  alias Guildhall.Operator
  alias Bench.Load.Node

  @enforce_keys [:guild_id, :channel_id, :poster, :tokens, :size]
  defstruct @enforce_keys

  @type t :: %__MODULE__{
          guild_id: String.t(),
          channel_id: String.t(),
          # What the poster says in Authorization.
          poster: String.t(),
          # A file with a token each.
          tokens: Path.t(),
          size: pos_integer()
        }

  # Requests at once: writes that wait together are synced together.
  @together 64
  @intents ["guild_presences", "message_content"]

  @doc "Makes so many members of a new guild, and keeps their tokens in the file."
  @spec make!(Node.t(), pos_integer(), Path.t()) :: t()
  def make!(%Node{} = node, size, file) do
    at = [url: node.url, data: node.data]
    :ok = prepare()
    [owner | _others] = bots = all!(1..size, size, "bots", &bot(at, &1))

    guild = Operator.post!(at, "/guilds", %{name: "load #{size}", owner_id: owner.id})
    put = &Operator.put!(at, "/guilds/#{guild["id"]}/members/#{&1.id}", %{})
    _done = all!(tl(bots), size, "members", put)

    write!(file, Enum.map(bots, &[&1.token, "\n"]))
    [channel | _others] = for %{"type" => 0, "id" => id} <- guild["channels"], do: id

    %__MODULE__{
      guild_id: guild["id"],
      channel_id: channel,
      poster: "Bot " <> owner.token,
      tokens: file,
      size: size
    }
  end

  @doc "Deletes the guild, of a node that goes on."
  @spec dissolve!(t(), Node.t()) :: :ok
  def dissolve!(%__MODULE__{guild_id: id}, %Node{} = node) do
    Operator.delete!([url: node.url, data: node.data], "/guilds/#{id}")
  end

  defp bot(at, n) do
    body = %{username: "load" <> String.pad_leading("#{n}", 6, "0"), intents: @intents}
    %{"user" => %{"id" => id}, "token" => token} = Operator.post!(at, "/bots", body)
    %{id: id, token: token}
  end

  defp prepare do
    {:ok, _applications} = Application.ensure_all_started(:inets)
    :httpc.set_options(max_sessions: @together, max_keep_alive_length: 1_000)
  end

  defp all!(items, size, what, fun) do
    items
    |> Task.async_stream(fun, max_concurrency: @together, timeout: 60_000)
    |> Stream.with_index(1)
    |> Enum.map(fn {{:ok, made}, n} ->
      if rem(n, 2_000) == 0, do: Mix.shell().info("  #{n} of #{size} #{what}")
      made
    end)
  end

  # For the owner's eyes only, from its first byte on.
  defp write!(file, lines) do
    File.rm(file)
    File.touch!(file)
    File.chmod!(file, 0o600)
    File.write!(file, lines)
  end
end
