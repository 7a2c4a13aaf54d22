defmodule Guildhall.HttpClient do
  @moduledoc false

  # A small HTTP/1.1 and WebSocket client for tests, on a raw socket and with its own framing, so that
  # it can be as wrong as a test wants:
  #
  #     client = HttpClient.connect(port)
  #     {%{status: 200, body: body}, client} = HttpClient.request(client, "GET", "/")
  #
  #     ws = HttpClient.websocket(port, "/gateway")
  #     ws = HttpClient.send_frame(ws, :text, "hello")
  #     {{:text, "hello"}, ws} = HttpClient.recv_frame(ws)
  #
  # `send_raw/2` writes bytes as they are. Everything raises where the server does not answer.

  import Bitwise

  @timeout 5_000
  @opcodes %{continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10}
  @types Map.new(@opcodes, fn {type, opcode} -> {opcode, type} end)

  defstruct [:socket, transport: :gen_tcp, buffer: "", timeout: @timeout]

  @doc """
  Connects. Options: `tls: [ssl option]`, `timeout:` for each read, and those of `:gen_tcp.connect/3`.
  """
  def connect(port, options \\ []) do
    {tls, options} = Keyword.pop(options, :tls)
    {timeout, options} = Keyword.pop(options, :timeout, @timeout)
    options = [:binary, active: false, nodelay: true] ++ options

    if tls do
      {:ok, socket} = :ssl.connect({127, 0, 0, 1}, port, options ++ tls, @timeout)
      %__MODULE__{socket: socket, transport: :ssl, timeout: timeout}
    else
      {:ok, socket} = :gen_tcp.connect({127, 0, 0, 1}, port, options, @timeout)
      %__MODULE__{socket: socket, timeout: timeout}
    end
  end

  @doc "Sends a request and reads its response. `Host` and `Content-Length` are added."
  def request(client, method, path, headers \\ [], body \\ "") do
    client |> send_request(method, path, headers, body) |> recv_response(method)
  end

  @doc "Sends a request."
  def send_request(client, method, path, headers \\ [], body \\ "") do
    length = if body == "", do: [], else: [{"content-length", IO.iodata_length(body)}]

    lines =
      for {name, value} <- [{"host", "localhost"} | headers] ++ length,
          do: "#{name}: #{value}\r\n"

    send_raw(client, ["#{method} #{path} HTTP/1.1\r\n", lines, "\r\n", body])
  end

  @doc "Writes bytes as they are."
  def send_raw(client, bytes) do
    :ok = client.transport.send(client.socket, bytes)
    client
  end

  @doc "Reads a response: `{%{status, headers, body}, client}`."
  def recv_response(client, method \\ "GET") do
    {line, client} = recv_line(client)
    ["HTTP/1.1", status, _phrase] = String.split(line, " ", parts: 3)
    {headers, client} = recv_headers(client, [])
    response = %{status: String.to_integer(status), headers: headers, body: ""}

    case List.keyfind(headers, "content-length", 0) do
      {_name, length} when method != "HEAD" ->
        {body, client} = recv_bytes(client, String.to_integer(length))
        {%{response | body: body}, client}

      _none ->
        {response, client}
    end
  end

  @doc "Whether the server closes the connection (or resets it) without a further byte."
  def closed?(%{buffer: ""} = client) do
    case client.transport.recv(client.socket, 0, @timeout) do
      {:error, reason} when reason in [:closed, :econnreset] -> true
      _other -> false
    end
  end

  def closed?(_client), do: false

  def close(client), do: client.transport.close(client.socket)

  @doc "Connects, unless given a client, and opens a WebSocket."
  def websocket(port_or_client, path, headers \\ [])

  def websocket(%__MODULE__{} = client, path, headers) do
    key = Base.encode64(:crypto.strong_rand_bytes(16))

    opening = [
      {"upgrade", "websocket"},
      {"connection", "Upgrade"},
      {"sec-websocket-version", "13"},
      {"sec-websocket-key", key}
    ]

    {response, client} = request(client, "GET", path, opening ++ headers)
    101 = response.status
    accept = :crypto.hash(:sha, key <> "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
    {_name, value} = List.keyfind(response.headers, "sec-websocket-accept", 0)
    ^accept = Base.decode64!(value)
    client
  end

  def websocket(port, path, headers), do: port |> connect() |> websocket(path, headers)

  @doc "Sends a frame. Options: `fin: false`, `mask: false`, `rsv: 0..7`."
  def send_frame(client, type, payload \\ "", options \\ []) do
    send_raw(client, frame(type, payload, options))
  end

  @doc "A frame as a client writes it. The type is a name or an opcode."
  def frame(type, payload \\ "", options \\ []) do
    opcode = Map.get(@opcodes, type, type)
    payload = IO.iodata_to_binary(payload)
    fin = if Keyword.get(options, :fin, true), do: 1, else: 0
    rsv = Keyword.get(options, :rsv, 0)
    first = <<fin::1, rsv::3, opcode::4>>

    if Keyword.get(options, :mask, true) do
      mask = :crypto.strong_rand_bytes(4)
      first <> size(1, byte_size(payload)) <> mask <> mask(payload, mask)
    else
      first <> size(0, byte_size(payload)) <> payload
    end
  end

  @doc "A close frame's payload."
  def close_payload(code, reason \\ ""), do: <<code::16, reason::binary>>

  @doc "Reads a frame: `{{type, payload}, client}`, a close being `{:close, code | nil, reason}`."
  def recv_frame(client) do
    {<<1::1, 0::3, opcode::4, 0::1, size::7>>, client} = recv_bytes(client, 2)

    {size, client} =
      case size do
        126 -> recv_size(client, 2)
        127 -> recv_size(client, 8)
        size -> {size, client}
      end

    {payload, client} = recv_bytes(client, size)

    case {Map.fetch!(@types, opcode), payload} do
      {:close, ""} -> {{:close, nil, ""}, client}
      {:close, <<code::16, reason::binary>>} -> {{:close, code, reason}, client}
      frame -> {frame, client}
    end
  end

  defp recv_size(client, bytes) do
    {size, client} = recv_bytes(client, bytes)
    {:binary.decode_unsigned(size), client}
  end

  defp size(masked, size) when size < 126, do: <<masked::1, size::7>>
  defp size(masked, size) when size < 65_536, do: <<masked::1, 126::7, size::16>>
  defp size(masked, size), do: <<masked::1, 127::7, size::64>>

  # Byte by byte on purpose: the server has the clever one.
  defp mask(payload, mask) do
    for {byte, index} <- Enum.with_index(:binary.bin_to_list(payload)), into: "" do
      <<bxor(byte, :binary.at(mask, rem(index, 4)))>>
    end
  end

  defp recv_headers(client, headers) do
    case recv_line(client) do
      {"", client} ->
        {Enum.reverse(headers), client}

      {line, client} ->
        [name, value] = String.split(line, ": ", parts: 2)
        recv_headers(client, [{String.downcase(name), value} | headers])
    end
  end

  defp recv_line(client) do
    case :binary.split(client.buffer, "\r\n") do
      [line, rest] -> {line, %{client | buffer: rest}}
      [_part] -> client |> more() |> recv_line()
    end
  end

  defp recv_bytes(%{buffer: buffer} = client, count) do
    case buffer do
      <<bytes::binary-size(count), rest::binary>> -> {bytes, %{client | buffer: rest}}
      part -> {part <> recv!(client, count - byte_size(part)), %{client | buffer: ""}}
    end
  end

  defp more(client), do: %{client | buffer: client.buffer <> recv!(client, 0)}

  defp recv!(client, count) do
    {:ok, data} = client.transport.recv(client.socket, count, client.timeout)
    data
  end
end
