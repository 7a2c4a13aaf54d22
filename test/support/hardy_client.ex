defmodule Guildhall.HardyClient do
  @moduledoc false

  # A client that outlives its connections and its sessions: it resumes where it can, and identifies
  # where it cannot. It checks that numbers have no gap within a session, and messages none within a
  # session from the first one on, or from the first one after its guild was unavailable.
  #
  # A message is a number and a word: at `end` it tells its parent that it is there, at `last` it ends.

  alias Guildhall.{GatewayClient, HttpClient}
  alias Guildhall.Model.Intents

  import ExUnit.Assertions

  defstruct [:node, :token, :parent, :client, next: nil, ended?: false, sessions: 0, cuts: 0]

  @doc "Runs until the last message; answers how many sessions it had, and how often it cut itself off."
  def run(node, token, parent, seed) do
    :rand.seed(:exsss, {seed, 2, 2})
    state = open(%__MODULE__{node: node, token: token, parent: parent})
    Map.take(live(state), [:sessions, :cuts])
  end

  defp live(%{client: client} = state) do
    case attempt(fn -> GatewayClient.recv(client) end) do
      :gone -> return(state)
      {{:close, _code}, _client} -> return(state)
      {payload, next} -> heard(payload, client.sequence || 0, %{state | client: next})
    end
  end

  defp heard(%{"op" => 9}, _last, state), do: state |> identify() |> live()
  defp heard(%{"op" => op}, _last, state) when op != 0, do: live(state)

  defp heard(%{"s" => s} = event, last, state) do
    assert s == last + 1
    event(event, state)
  end

  defp event(%{"t" => "READY", "d" => %{"session_id" => id}}, %{client: client} = state) do
    send(state.parent, {:session, self()})
    live(%{state | client: %{client | session_id: id}, sessions: state.sessions + 1})
  end

  defp event(%{"t" => "MESSAGE_CREATE", "d" => %{"content" => content}}, state) do
    [number, word, _rest] = String.split(content, " ", parts: 3)
    number = String.to_integer(number)
    assert state.next in [nil, number]
    message(word, %{state | next: number + 1})
  end

  # Its relay crashed: what is said until the guild is there again does not come.
  defp event(%{"t" => "GUILD_DELETE", "d" => %{"unavailable" => true}}, state) do
    live(%{state | next: nil})
  end

  defp event(_event, state), do: live(state)

  defp message("last", state) do
    GatewayClient.close(state.client, 1000)
    HttpClient.close(state.client.http)
    state
  end

  defp message("end", %{ended?: false} = state) do
    send(state.parent, {:ended, self()})
    live(%{state | ended?: true})
  end

  defp message("go", state) do
    if :rand.uniform(60) == 1 do
      GatewayClient.cut(state.client)
      return(%{state | cuts: state.cuts + 1})
    else
      live(state)
    end
  end

  defp message(_end_again, state), do: live(state)

  defp return(%{client: old} = state) do
    HttpClient.close(old.http)
    state = open(%{state | client: nil}, old)
    live(state)
  end

  defp open(state, old \\ %GatewayClient{}) do
    # Little room, so that sockets are full now and then.
    client = GatewayClient.dial(state.node, "", recbuf: 4_096)

    case attempt(fn -> GatewayClient.recv(client) end) do
      {%{"op" => 10}, client} when old.session_id == nil -> identify(%{state | client: client})
      {%{"op" => 10}, client} -> resume(%{state | client: client}, old)
    end
  end

  # A connection that ends on the way is found by the next read.
  defp identify(state) do
    intents = Intents.bit(:guilds) + Intents.bit(:guild_messages) + Intents.bit(:message_content)
    client = %{state.client | session_id: nil, sequence: nil}
    sent = attempt(fn -> GatewayClient.send_identify(client, state.token, intents: intents) end)
    %{state | client: if(sent == :gone, do: client, else: sent), next: nil}
  end

  defp resume(%{client: client} = state, old) do
    case attempt(fn -> GatewayClient.send_resume(client, state.token, old) end) do
      :gone -> %{state | client: %{client | session_id: old.session_id, sequence: old.sequence}}
      client -> %{state | client: client}
    end
  end

  # A time-out is none of these: an event that does not come is what this client is for.
  defp attempt(fun) do
    fun.()
  rescue
    error in MatchError ->
      if error.term in [{:error, :closed}, {:error, :econnreset}, {:error, :einval}],
        do: :gone,
        else: reraise(error, __STACKTRACE__)
  end
end
