defmodule Guildhall.Redteam.Chat do
  @moduledoc false

  # A gateway session of an attacker. It is opened when it is needed, reads everything and looks at
  # nothing; one that the server ended is opened again.

  alias Guildhall.{GatewayClient, HttpClient, Payload}
  alias Guildhall.Redteam.Http

  # GUILDS, GUILD_VOICE_STATES, GUILD_MESSAGES
  @intents 0x281

  @enforce_keys [:node, :user, :ip]
  defstruct @enforce_keys ++ [:socket, options: []]

  @doc "A session of a user from an address; the options are those of `:gen_tcp.connect/3`."
  def new(node, user, ip, options \\ []) do
    %__MODULE__{node: node, user: user, ip: ip, options: options}
  end

  @doc "Sends a payload; `:sent`, or why it could not be."
  def put(%{socket: nil} = chat, op, data) do
    case open(chat) do
      {:opened, chat} -> put(chat, op, data)
      {reason, chat} -> {reason, chat}
    end
  end

  def put(%{socket: socket} = chat, op, data) do
    frame = HttpClient.frame(:binary, Payload.encode!(%{op: op, d: data}))

    with :open <- drain(socket), :ok <- :gen_tcp.send(socket, frame) do
      {:sent, chat}
    else
      _ended -> {:cut, close(chat)}
    end
  end

  @doc "Identifies, and waits for READY."
  def open(chat) do
    client = identify(chat)

    case GatewayClient.recv(client) do
      {%{"t" => "READY"}, client} ->
        :ok = :inet.setopts(client.http.socket, active: true)
        {:opened, %{chat | socket: client.http.socket}}

      {%{"op" => 9}, client} ->
        Http.reset(client.http.socket)
        {:op9, chat}

      {{:close, code}, client} ->
        Http.reset(client.http.socket)
        {:"close_#{code}", chat}
    end
  rescue
    error in MatchError -> {Http.reason(error.term), chat}
  end

  @doc "A client that has sent IDENTIFY."
  def identify(chat) do
    client = Http.gateway(chat.node, [ip: chat.ip] ++ chat.options)

    Http.guard(client.http, fn _http ->
      {%{"op" => 10}, client} = GatewayClient.recv(client)
      GatewayClient.send_identify(client, chat.user.token, intents: @intents)
    end)
  end

  @doc "Reads the answer to IDENTIFY: `:greeted` with READY, or the refusal."
  def answer(client) do
    case GatewayClient.recv(client) do
      {%{"t" => "READY"}, _client} -> :greeted
      {%{"op" => op}, _client} -> :"op#{op}"
      {{:close, code}, _client} -> :"close_#{code}"
    end
  end

  def close(%{socket: nil} = chat), do: chat

  def close(chat) do
    Http.reset(chat.socket)
    drain(chat.socket)
    %{chat | socket: nil}
  end

  defp drain(socket) do
    receive do
      {:tcp, ^socket, _data} -> drain(socket)
      {:tcp_closed, ^socket} -> :closed
      {:tcp_error, ^socket, _reason} -> :closed
    after
      0 -> :open
    end
  end
end
