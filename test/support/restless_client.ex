defmodule Guildhall.RestlessClient do
  @moduledoc false

  # A client that loses its connection again and again, at moments of chance, and comes back. It checks
  # everything it gets: numbers without a gap, messages without a gap, nothing twice.
  #
  # It is cut off after some events, in the middle of a frame it reads or writes, right behind its
  # RESUME, right behind RESUMED, or by its own next connection while this one lives.

  alias Guildhall.{GatewayClient, HttpClient}
  alias Guildhall.Model.Intents

  import ExUnit.Assertions

  defstruct [:node, :token, :client, next: 0, cuts: 0, resumed: 0]

  @doc "Runs until messages 0 to `total - 1` have come; calls `ready` once the session is in its guild."
  def run(node, token, total, seed, ready) do
    :rand.seed(:exsss, {seed, 1, 1})
    # Messages and nothing else.
    intents = Intents.bit(:guilds) + Intents.bit(:guild_messages) + Intents.bit(:message_content)
    client = GatewayClient.open(node)
    {_ready, client} = GatewayClient.identify(client, token, intents: intents)
    assert {%{"t" => "GUILD_CREATE", "s" => 2}, client} = GatewayClient.recv(client)
    ready.()
    state = live(%__MODULE__{node: node, token: token, client: client}, total, events())
    GatewayClient.close(state.client, 1000)
    Map.take(state, [:cuts, :resumed])
  end

  # How many events until the next accident; sometimes none.
  defp events, do: max(:rand.uniform(30) - 5, 0)

  defp live(%{next: total} = state, total, _left), do: state
  defp live(state, total, 0), do: state |> accident(:rand.uniform(5)) |> live(total, events())

  defp live(state, total, left) do
    last = state.client.sequence
    {payload, client} = GatewayClient.recv(state.client)
    state = %{state | client: client}

    case payload do
      %{"op" => 11} ->
        live(state, total, left)

      # A RESUME on a connection that was cut off since may be the later one for the server.
      {:close, 4000} ->
        live(state, total, 0)

      %{"t" => "MESSAGE_CREATE", "s" => s, "d" => %{"content" => content}} ->
        assert {s, content} == {last + 1, "#{state.next}"}
        live(heartbeat(%{state | next: state.next + 1}), total, left - 1)

      # Now and then at the worst moment.
      %{"t" => "RESUMED", "s" => s} ->
        assert s == last + 1
        live(%{state | resumed: state.resumed + 1}, total, Enum.random([0, left]))
    end
  end

  # What was acknowledged is forgotten by the server.
  defp heartbeat(state) do
    if :rand.uniform(10) == 1,
      do: %{state | client: GatewayClient.send_op(state.client, 1, state.client.sequence)},
      else: state
  catch
    # The server closed a connection that was taken over; what it wrote before is still to be read.
    :error, _closed -> state
  end

  defp accident(state, 1), do: state.client |> GatewayClient.cut() |> return(state)

  defp accident(state, 2) do
    # A few bytes of what comes next.
    _part = :gen_tcp.recv(state.client.http.socket, :rand.uniform(10), 10)
    state.client |> GatewayClient.cut() |> return(state)
  end

  defp accident(state, 3) do
    <<part::binary-size(7), _rest::binary>> = HttpClient.frame(:text, ~s({"op":1,"d":null}))
    _sent = :gen_tcp.send(state.client.http.socket, part)
    state.client |> GatewayClient.cut() |> return(state)
  end

  # Without waiting for an answer, and then once more.
  defp accident(state, 4) do
    state = state.client |> GatewayClient.cut() |> return(state)
    state.client |> GatewayClient.cut() |> return(state)
  end

  # The old connection is still there.
  defp accident(state, 5) do
    old = state.client
    state = return(old, state)
    HttpClient.close(old.http)
    state
  end

  defp return(old, state) do
    client = GatewayClient.send_resume(GatewayClient.open(state.node), state.token, old)
    %{state | client: client, cuts: state.cuts + 1}
  end
end
