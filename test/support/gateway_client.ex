defmodule Guildhall.GatewayClient do
  @moduledoc false

  # A client of the gateway for tests, one step at a time on a real socket:
  #
  #     client = GatewayClient.open(node)
  #     {ready, client} = GatewayClient.identify(client, bot.token, intents: 513)
  #     {%{"t" => "GUILD_CREATE"}, client} = GatewayClient.recv(client)
  #
  # It remembers what a RESUME needs: the session and the last sequence.

  alias Guildhall.{HttpClient, Payload}
  alias Guildhall.Model.Intents

  defstruct [:node, :http, session_id: nil, sequence: nil]

  @doc "Connects and reads HELLO."
  def open(node, query \\ "?v=10&encoding=json") do
    client = dial(node, query)
    {%{"op" => 10, "d" => %{"heartbeat_interval" => _ms}}, client} = recv(client)
    client
  end

  @doc "Connects and reads nothing. The options are those of `:gen_tcp.connect/3`."
  def dial(node, query \\ "?v=10&encoding=json", options \\ []) do
    http = HttpClient.connect(node.port, options)
    %__MODULE__{node: node, http: HttpClient.websocket(http, "/" <> query)}
  end

  @doc "Sends IDENTIFY and reads READY: `{data, client}`."
  def identify(client, token, fields \\ []) do
    client = send_identify(client, token, fields)
    {%{"op" => 0, "t" => "READY", "s" => 1, "d" => ready}, client} = recv(client)
    {ready, %{client | session_id: ready["session_id"]}}
  end

  @doc "Sends IDENTIFY."
  def send_identify(client, token, fields \\ []) do
    fields = Map.merge(%{token: token, intents: intents(), properties: %{}}, Map.new(fields))
    send_op(client, 2, fields)
  end

  @doc "A session that has what the guild sends at first: READY and one GUILD_CREATE."
  def session(node, bot, fields \\ []) do
    {_ready, client} = node |> open() |> identify(bot.token, fields)
    {%{"t" => "GUILD_CREATE"}, client} = recv(client)
    client
  end

  @doc "Sends RESUME on a new connection, for the session of an old one."
  def send_resume(client, token, old, fields \\ []) do
    fields = Map.new([token: token, session_id: old.session_id, seq: old.sequence] ++ fields)
    client = send_op(client, 6, fields)
    %{client | session_id: old.session_id, sequence: old.sequence}
  end

  @doc "Every intent."
  def intents, do: Intents.known()

  @doc "Sends a payload."
  def send_op(client, op, data), do: send_text(client, Payload.encode!(%{op: op, d: data}))

  @doc "Sends a text frame."
  def send_text(client, text),
    do: %{client | http: HttpClient.send_frame(client.http, :text, text)}

  @doc "Reads a payload, or `{:close, code}`."
  def recv(client) do
    {frame, http} = HttpClient.recv_frame(client.http)
    client = %{client | http: http}

    case frame do
      {:text, text} ->
        {:ok, payload} = Payload.decode(text)
        {payload, %{client | sequence: payload["s"] || client.sequence}}

      {:close, code, _reason} ->
        {{:close, code}, client}
    end
  end

  @doc "Reads until an event of the type has come: `{data, client}`."
  def await(client, type) do
    case recv(client) do
      {%{"t" => ^type, "d" => data}, client} -> {data, client}
      {%{"op" => _op}, client} -> await(client, type)
    end
  end

  @doc "Closes the connection with a code, and waits for the server's end."
  def close(client, code) do
    http = HttpClient.send_frame(client.http, :close, HttpClient.close_payload(code))
    until_closed(%{client | http: http})
  end

  defp until_closed(client) do
    case recv(client) do
      {{:close, _code}, client} -> client
      {_payload, client} -> until_closed(client)
    end
  end

  @doc "Cuts the connection off without a word."
  def cut(client) do
    :ok = :inet.setopts(client.http.socket, linger: {true, 0})
    HttpClient.close(client.http)
    client
  end
end
