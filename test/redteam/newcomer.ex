defmodule Guildhall.Redteam.Newcomer do
  @moduledoc false

  # A client that connects while others attack: it is in the guilds of the bystanders and in those of
  # attackers, and reads a megabyte a second. It is `:complete` when it has READY and what comes of
  # each of its guilds, from an address and a connection that the node has not seen before.

  alias Guildhall.{GatewayClient, HttpClient, Payload}
  alias Guildhall.Redteam.{Chat, Frames, Http, Tally}

  # An account may identify once in 5 s.
  @pause 6_000
  @deadline 30_000
  # Bytes in a millisecond.
  @speed 1_000

  @doc "Connects again and again, with the account of this number, until it gets `:stop`."
  def run(world, number), do: connect(world, number, 1)

  defp connect(world, number, n) do
    receive do
      :stop -> :ok
    after
      @pause ->
        at = now()
        Tally.note(world.tally, :newcomer, {attempt(world, number, n), now() - at})
        connect(world, number, n + 1)
    end
  end

  defp attempt(world, number, n) do
    user = Enum.at(world.newcomers, number - 1)
    ip = {127, 3, number, rem(n, 250) + 1}
    client = Chat.identify(Chat.new(world.node, user, ip, recbuf: 65_536))
    outcome = ready(client)
    Http.reset(client.http.socket)
    outcome
  rescue
    error in MatchError -> Http.reason(error.term)
  end

  defp ready(client) do
    case GatewayClient.recv(client) do
      {%{"t" => "READY", "d" => %{"guilds" => guilds}}, client} ->
        guilds = MapSet.new(guilds, & &1["id"])
        read(client.http, %Frames{}, client.http.buffer, guilds, now() + @deadline)

      {%{"op" => 9}, _client} ->
        :op9

      {{:close, code}, _client} ->
        :"close_#{code}"
    end
  end

  defp read(%HttpClient{} = http, frames, bytes, guilds, deadline) do
    {whole, frames} = Frames.put(frames, bytes)
    guilds = Enum.reduce(whole, guilds, &frame/2)

    cond do
      guilds == :closed -> :closed
      MapSet.size(guilds) == 0 -> :complete
      now() > deadline -> :late
      true -> more(http, frames, guilds, deadline)
    end
  end

  defp more(http, frames, guilds, deadline) do
    case :gen_tcp.recv(http.socket, 0, @deadline) do
      {:ok, data} ->
        pause(div(byte_size(data), @speed))
        read(http, frames, data, guilds, deadline)

      {:error, reason} ->
        Http.reason({:error, reason})
    end
  end

  defp frame(_frame, :closed), do: :closed
  defp frame({:close, _payload}, _guilds), do: :closed

  defp frame({:text, text}, guilds) do
    with {_s, "GUILD_CREATE"} <- Frames.head(text),
         %{"d" => %{"id" => id}} <- Payload.decode!(text) do
      MapSet.delete(guilds, id)
    else
      _other -> guilds
    end
  end

  defp frame(_other, guilds), do: guilds

  defp pause(milliseconds) do
    receive do
    after
      milliseconds -> :ok
    end
  end

  defp now, do: System.monotonic_time(:millisecond)
end
