defmodule Guildhall.Http.WebSocketTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.{Events, HttpClient, HttpServer}
  alias Guildhall.Http.{Frame, WebSocket}

  # Hands the socket to the test at once, and returns.
  defmodule Give do
    @behaviour WebSocket

    @impl WebSocket
    def run(ws, _request, test) do
      {:ok, ws} = WebSocket.transfer(ws, test)
      send(test, {:given, ws})
    end
  end

  # Calls the test's function with the socket, in the connection's process.
  defmodule Call do
    @behaviour WebSocket

    @impl WebSocket
    def run(ws, _request, fun), do: fun.(ws)
  end

  defp serve(module, argument, options \\ [], server \\ []) do
    HttpServer.start(fn _request -> {:websocket, module, argument, options} end, server)
  end

  # The client, and the server's end in the hands of the test, active.
  defp pair(options \\ [], client \\ []) do
    {name, port} = serve(Give, self(), options)
    client = HttpClient.websocket(HttpClient.connect(port, client), "/")
    assert_receive {:given, ws}
    assert {:ok, [], ws} = WebSocket.activate(ws)
    {client, ws, name}
  end

  # Handles messages of the socket until one of them makes an event; events of one message come together.
  defp events(ws) do
    receive do
      message when elem(message, 0) in [:select, WebSocket] ->
        case WebSocket.handle(ws, message) do
          {:ok, [], ws} -> events(ws)
          {:ok, events, ws} -> {events, ws}
          # Of an earlier socket.
          :unknown -> events(ws)
        end
    after
      6_000 -> flunk("no event")
    end
  end

  defp echo(options \\ []) do
    {_name, port} = serve(HttpServer.Echo, self(), options)
    HttpClient.websocket(port, "/")
  end

  describe "messages" do
    test "of every length of length go both ways" do
      Enum.reduce(
        [0, 1, 125, 126, 127, 65_535, 65_536, 70_000],
        echo(frame_limit: 70_000, message_limit: 70_000),
        fn size, ws ->
          data = :crypto.strong_rand_bytes(size)
          ws = HttpClient.send_frame(ws, :binary, data)
          assert {{:binary, ^data}, ws} = HttpClient.recv_frame(ws)
          ws
        end
      )
    end

    test "that came with the request are not lost" do
      {_name, port} = serve(HttpServer.Echo, nil)
      client = HttpClient.connect(port)

      head =
        "GET / HTTP/1.1\r\nhost: h\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

      <<first::binary-size(5), second::binary>> = HttpClient.frame(:text, "early bird")
      client = HttpClient.send_raw(client, [head, HttpClient.frame(:text, "one"), first])
      assert {%{status: 101}, client} = HttpClient.recv_response(client)
      assert {{:text, "one"}, client} = HttpClient.recv_frame(client)
      client = HttpClient.send_raw(client, second)
      assert {{:text, "early bird"}, _client} = HttpClient.recv_frame(client)
    end

    test "of other processes are not the socket's" do
      {_client, ws, _name} = pair()
      assert WebSocket.handle(ws, :hello) == :unknown
      assert WebSocket.handle(ws, {:tcp, self(), "data"}) == :unknown
    end
  end

  describe "the closing handshake" do
    test "begun by the client is answered with its code, and the server ends the connection" do
      ws = echo()
      ws = HttpClient.send_frame(ws, :close, HttpClient.close_payload(4_321, "bye"))
      assert {{:close, 4_321, ""}, ws} = HttpClient.recv_frame(ws)
      assert HttpClient.closed?(ws)
      assert_receive {_pid, {:closed, 4_321}}
    end

    test "begun by the client without a code is 1005 to the owner" do
      ws = HttpClient.send_frame(echo(), :close)
      assert {{:close, nil, ""}, ws} = HttpClient.recv_frame(ws)
      assert HttpClient.closed?(ws)
      assert_receive {_pid, {:closed, 1005}}
    end

    test "begun by the server ends when the client answers; its messages no longer count" do
      {client, ws, _name} = pair(close_timeout: 100)
      {:ok, ws} = WebSocket.close(ws, 4_000, "why")
      assert {:ok, ws} = WebSocket.write(ws, "dropped")
      assert {{:close, 4_000, "why"}, client} = HttpClient.recv_frame(client)
      client = HttpClient.send_frame(client, :text, "late")
      client = HttpClient.send_frame(client, :close, HttpClient.close_payload(4_000))
      assert {[{:closed, 4_000}], ws} = events(ws)
      assert HttpClient.closed?(client)
      assert_nothing_follows(ws)
      assert {:error, :closed} = WebSocket.transfer(ws, self())
      assert {:ok, ^ws} = WebSocket.close(ws, 1000)
      assert WebSocket.buffered(ws) == 0
    end

    # An owner that has forgotten the struct is not bothered later.
    defp assert_nothing_follows(ws), do: refute_receive(_anything, 2 * ws.close_timeout)

    test "begun by the server ends after a while when the client does not answer" do
      {client, ws, _name} = pair(close_timeout: 50)
      {:ok, ws} = WebSocket.close(ws, 1000)
      assert {[{:closed, nil}], _ws} = events(ws)
      assert {{:close, 1000, ""}, client} = HttpClient.recv_frame(client)
      assert HttpClient.closed?(client)
    end

    test "and a client that closes at the same time" do
      {client, ws, _name} = pair()
      HttpClient.send_frame(client, :close, HttpClient.close_payload(1001))
      assert_receive {:select, _object, :undefined, :ready_input} = message
      {:ok, ws} = WebSocket.close(ws, 1000)
      assert {:ok, [{:closed, 1001}], _ws} = WebSocket.handle(ws, message)
      assert {{:close, 1000, ""}, client} = HttpClient.recv_frame(client)
      assert HttpClient.closed?(client)
    end

    test "a reason that is too long is cut at a character" do
      {client, ws, _name} = pair()
      {:ok, _ws} = WebSocket.close(ws, 1000, String.duplicate("é", 100))
      assert {{:close, 1000, reason}, _client} = HttpClient.recv_frame(client)
      assert reason == String.duplicate("é", 61)
    end

    test "may be left to the connection, and what the client sent meanwhile makes no reset" do
      test = self()

      {_name, port} =
        serve(Call, fn ws ->
          {:ok, _events, ws} = WebSocket.activate(ws)
          send(test, :open)
          receive do: ({:select, _object, :undefined, :ready_input} -> :ok)
          WebSocket.close(ws, 4_004, "no")
        end)

      client = HttpClient.websocket(port, "/")
      assert_receive :open
      client = HttpClient.send_frame(client, :text, String.duplicate("x", 60_000))
      assert {{:close, 4_004, "no"}, client} = HttpClient.recv_frame(client)
      assert HttpClient.closed?(client)
    end

    test "does not happen when the client just leaves" do
      {client, ws, _name} = pair()
      HttpClient.close(client)
      assert {[{:closed, nil}], _ws} = events(ws)
    end

    test "an owner that fails ends the connection" do
      Events.listen()
      {name, port} = serve(Call, fn _ws -> raise "oh" end)
      client = HttpClient.websocket(port, "/")
      assert HttpClient.closed?(client)
      assert_receive {:event, [:guildhall, :http, :exception], _, %{instance: ^name}}
    end
  end

  describe "a client that breaks a rule" do
    test "is closed by the owner, with the messages before the fault delivered" do
      {client, ws, _name} = pair([], exit_on_close: false)

      HttpClient.send_raw(client, [
        HttpClient.frame(:text, "fine"),
        HttpClient.frame(3, "?"),
        HttpClient.frame(:text, "more")
      ])

      assert {[{:text, "fine"}, {:error, 1002, :opcode}], ws} = events(ws)
      {:ok, ws} = WebSocket.close(ws, 1002, "opcode")
      assert {{:close, 1002, "opcode"}, client} = HttpClient.recv_frame(client)
      # Our end is over, and what it still sends is dropped without a reset.
      assert HttpClient.closed?(client)
      HttpClient.send_frame(client, :text, "still")
      HttpClient.close(client)
      assert {[{:closed, nil}], _ws} = events(ws)
    end

    test "and does not leave is cut off" do
      {client, ws, _name} = pair(close_timeout: 50)
      HttpClient.send_frame(client, :text, "unmasked", mask: false)
      assert {[{:error, 1002, :unmasked}], ws} = events(ws)
      {:ok, ws} = WebSocket.close(ws, 1002, "")
      assert {[{:closed, nil}], _ws} = events(ws)
    end

    test "by the limits of its connection" do
      {client, ws, _name} = pair(frame_limit: 10, message_limit: 15)
      client = HttpClient.send_frame(client, :text, "0123456789")
      assert {[{:text, "0123456789"}], ws} = events(ws)
      client = HttpClient.send_frame(client, :text, "0123456789", fin: false)
      HttpClient.send_frame(client, :continuation, "012345")
      assert {[{:error, 1009, :message_too_large}], _ws} = events(ws)

      {client, ws, _name} = pair(frame_limit: 10, message_limit: 15)
      # Before any of it has arrived.
      HttpClient.send_raw(client, <<0x82, 0x80 + 127, 0x100000000::64>>)
      assert {[{:error, 1009, :frame_too_large}], _ws} = events(ws)
    end
  end

  describe "a client that reads slowly" do
    # Fills the socket, until a write is refused.
    defp fill(ws, piece, written) do
      case WebSocket.write(ws, piece) do
        {:ok, ws} -> fill(ws, piece, written + byte_size(piece))
        {:busy, ws} -> {ws, written + byte_size(piece)}
      end
    end

    defp read(client, bytes) do
      {:ok, data} = :gen_tcp.recv(client.socket, bytes, 5_000)
      data
    end

    test "makes the socket busy; it gets every byte once, in order, and then the socket is writable" do
      Events.listen()
      {client, ws, name} = pair([], recbuf: 8_192)
      piece = for n <- 1..16_384, into: "", do: <<n::32>>
      {ws, written} = fill(ws, piece, 0)

      assert_receive {:event, [:guildhall, :http, :websocket, :busy], %{bytes: kept},
                      %{instance: ^name}}

      assert kept in 1..65_536

      # Not refused, and not to be written again.
      assert {:busy, ws} = WebSocket.write(ws, "more")
      assert WebSocket.buffered(ws) == kept + 4

      reader = Task.async(fn -> read(client, written + 4) end)
      assert {[:writable], ws} = events(ws)
      expected = :binary.copy(piece, div(written, 65_536)) <> "more"
      assert Task.await(reader) == expected
      assert {:ok, _ws} = WebSocket.write(ws, "again")
      assert read(client, 5) == "again"
    end

    test "may become slow again and again" do
      {client, ws, _name} = pair([], recbuf: 8_192)

      Enum.reduce(1..5, ws, fn round, ws ->
        piece = :binary.copy(<<round>>, 100_000)
        {ws, written} = fill(ws, piece, 0)
        reader = Task.async(fn -> read(client, written) end)
        assert {[:writable], ws} = events(ws)
        assert Task.await(reader) == :binary.copy(<<round>>, written)
        ws
      end)
    end

    test "is cut off if the owner goes on writing" do
      Events.listen()
      {client, ws, name} = pair([write_limit: 100_000], recbuf: 8_192, show_econnreset: true)
      {ws, _written} = fill(ws, :binary.copy("x", 200_000), 0)
      {_busy, ws} = WebSocket.write(ws, :binary.copy("y", 100_001))
      assert {[{:closed, nil}], _ws} = events(ws)

      assert_receive {:event, [:guildhall, :http, :websocket, :close], _,
                      %{instance: ^name, by: :slow, code: nil}}

      # A close in peace would wait until the client has read.
      assert drain(client) == :econnreset
    end

    defp drain(client) do
      case :gen_tcp.recv(client.socket, 0, 5_000) do
        {:ok, _data} -> drain(client)
        {:error, reason} -> reason
      end
    end

    test "gets the answer to its newest ping" do
      {client, ws, _name} = pair([], recbuf: 8_192)
      {ws, written} = fill(ws, :binary.copy("x", 100_000), 0)

      {client, ws} =
        Enum.reduce(1..3, {client, ws}, fn n, {client, ws} ->
          client = HttpClient.send_frame(client, :ping, "#{n}")
          assert_receive {:select, _object, :undefined, :ready_input} = message
          assert {:ok, [], ws} = WebSocket.handle(ws, message)
          {client, ws}
        end)

      reader = Task.async(fn -> read(client, written) end)
      assert {[:writable], _ws} = events(ws)
      Task.await(reader)
      assert {{:pong, "3"}, _client} = HttpClient.recv_frame(client)
    end

    test "gets the close frame behind everything else" do
      {client, ws, _name} = pair([], recbuf: 8_192)
      {ws, written} = fill(ws, :binary.copy("x", 100_000), 0)
      assert_closes(client, ws, written)
    end

    defp assert_closes(client, ws, written) do
      {:ok, ws} = WebSocket.close(ws, 4_008, "slow")
      reader = Task.async(fn -> read(client, written) end)
      answer = HttpClient.frame(:close, HttpClient.close_payload(4_008))
      {client, _ws} = until_closed(client, ws, reader, answer)
      assert HttpClient.closed?(client)
    end

    # The server's end works while the client reads, then the client answers.
    defp until_closed(client, ws, reader, answer) do
      ref = reader.ref

      receive do
        {^ref, _data} ->
          assert {{:close, 4_008, "slow"}, client} = HttpClient.recv_frame(client)
          until_closed(HttpClient.send_raw(client, answer), ws, reader, answer)

        message ->
          case WebSocket.handle(ws, message) do
            {:ok, [{:closed, 4_008}], ws} -> {client, ws}
            {:ok, [], ws} -> until_closed(client, ws, reader, answer)
            :unknown -> until_closed(client, ws, reader, answer)
          end
      after
        5_000 -> flunk("not closed")
      end
    end

    test "gets no pong behind the close frame, and may answer it" do
      {client, ws, _name} = pair([], recbuf: 8_192)
      {ws, written} = fill(ws, :binary.copy("x", 100_000), 0)
      client = HttpClient.send_frame(client, :ping, "too late")
      assert_receive {:select, _object, :undefined, :ready_input} = message
      assert {:ok, [], ws} = WebSocket.handle(ws, message)
      assert_closes(client, ws, written)
    end

    test "gets everything when the owner only closes and returns" do
      test = self()

      run = fn ws ->
        {:ok, [], ws} = WebSocket.activate(ws)
        send(test, {:open, self()})
        receive do: (:go -> :ok)
        {ws, written} = fill(ws, :binary.copy("x", 100_000), 0)
        send(test, {:written, written})
        WebSocket.close(ws, 4_000, "that is all")
      end

      {_name, port} = serve(Call, run, [], linger_timeout: 30_000)

      client = HttpClient.websocket(HttpClient.connect(port, recbuf: 8_192), "/")
      assert_receive {:open, owner}
      send(owner, :go)
      assert_receive {:written, written}
      assert read(client, written) == :binary.copy("x", written)
      assert {{:close, 4_000, "that is all"}, client} = HttpClient.recv_frame(client)
      assert HttpClient.closed?(client)
    end

    test "that closes gets what is on its way" do
      {client, ws, _name} = pair([], recbuf: 8_192)
      {ws, written} = fill(ws, :binary.copy("x", 100_000), 0)
      HttpClient.send_frame(client, :close, HttpClient.close_payload(1000))

      reader =
        Task.async(fn ->
          data = read(client, written)
          {frame, client} = HttpClient.recv_frame(client)
          {data, frame, HttpClient.closed?(client)}
        end)

      assert {[{:closed, 1000}], _ws} = events(ws)
      assert {data, {:close, 1000, ""}, true} = Task.await(reader)
      assert data == :binary.copy("x", written)
    end
  end

  describe "transfer" do
    test "leaves the connection's process free to end" do
      Events.listen()
      {client, ws, name} = pair()

      assert_receive {:event, [:guildhall, :http, :connection, :stop], _,
                      %{instance: ^name, reason: :given}}

      {:ok, _ws} = WebSocket.send(ws, {:text, "from the new owner"})
      assert {{:text, "from the new owner"}, _client} = HttpClient.recv_frame(client)
    end

    test "to itself changes nothing" do
      {client, ws, _name} = pair()
      HttpClient.send_frame(client, :text, "x")
      {:ok, ws} = WebSocket.transfer(ws, self())
      {:ok, events, ws} = WebSocket.activate(ws)
      assert {[{:text, "x"}], _ws} = if(events == [], do: events(ws), else: {events, ws})
    end

    test "of a busy socket: the new owner need not see the message that came before it listened" do
      {client, ws, _name} = pair([], recbuf: 8_192)
      {ws, written} = fill(ws, :binary.copy("x", 100_000), 0)
      {:ok, ws} = WebSocket.transfer(ws, self())
      reader = Task.async(fn -> read(client, written) end)
      assert_receive {:select, _object, :undefined, :ready_output}
      {:ok, events, ws} = WebSocket.activate(ws)
      assert {[:writable], _ws} = if(events == [], do: events(ws), else: {events, ws})
      Task.await(reader)
    end

    test "of a lost connection is an error" do
      {client, ws, _name} = pair()
      HttpClient.close(client)
      assert_receive {:select, _object, :undefined, :ready_input} = message
      send(self(), message)
      assert WebSocket.transfer(ws, self()) == {:error, :closed}
    end

    test "between a client's last message and its close: the new owner learns of both" do
      {client, ws, _name} = pair()

      bytes = [
        HttpClient.frame(:text, "last"),
        HttpClient.frame(:close, HttpClient.close_payload(1000))
      ]

      client = HttpClient.send_raw(client, bytes)
      assert {[{:text, "last"}], ws} = events(ws)
      {:ok, ws} = WebSocket.transfer(ws, self())
      assert {:ok, [{:closed, 1000}], _ws} = WebSocket.activate(ws)
      assert {{:close, 1000, ""}, client} = HttpClient.recv_frame(client)
      assert HttpClient.closed?(client)
    end

    test "forgets what the driver owed the old owner" do
      {client, ws, _name} = pair([], recbuf: 8_192)
      {:ok, ws} = WebSocket.write(ws, "first")
      {:ok, ws} = WebSocket.transfer(ws, self())
      {:ok, [], ws} = WebSocket.activate(ws)
      {ws, written} = fill(ws, :binary.copy("x", 100_000), 0)
      reader = Task.async(fn -> read(client, 5 + written) end)
      assert {[:writable], _ws} = events(ws)
      Task.await(reader)
    end

    test "of a busy socket: the new owner writes on, and is told when it may" do
      {client, ws, _name} = pair([], recbuf: 8_192)
      {ws, written} = fill(ws, :binary.copy("x", 100_000), 0)
      test = self()

      owner =
        Task.async(fn ->
          receive do: ({:ws, ws} -> send(test, {:activated, WebSocket.activate(ws)}))
          receive do: (:write -> :ok)
          events(elem(receive_ws(), 1))
        end)

      {:ok, ws} = WebSocket.transfer(ws, owner.pid)
      send(owner.pid, {:ws, ws})
      assert_receive {:activated, {:ok, [], ws}}
      send(owner.pid, :write)
      send(owner.pid, {:ws, ws})
      assert read(client, written) == :binary.copy("x", written)
      assert {[:writable], _ws} = Task.await(owner)
    end

    defp receive_ws, do: receive(do: ({:ws, _ws} = given -> given))

    property "loses no byte, whenever and however often it happens" do
      forall {messages, cuts, seed} <-
               {list(binary()), list(range(1, 40)), integer()} do
        bytes = for message <- messages, into: "", do: HttpClient.frame(:binary, message)
        {client, ws, _name} = pair()
        :rand.seed(:exsss, seed)
        {received, _ws} = relay(client, ws, cut(bytes, cuts), [])
        assert received == messages
        HttpClient.close(client)
      end
    end

    # Sends the pieces while the socket goes from process to process.
    defp relay(client, ws, pieces, received) do
      sender = Task.async(fn -> for piece <- pieces, do: HttpClient.send_raw(client, piece) end)
      count = length(pieces)
      result = pass(ws, :rand.uniform(5), received, count)
      Task.await(sender)
      send_end(client)
      collect(result)
    end

    defp send_end(client), do: HttpClient.send_frame(client, :text, "end")

    # Each owner handles a random number of messages, then hands on; the last is the test.
    defp pass(ws, 0, received, _count), do: {ws, received}

    defp pass(ws, hops, received, count) do
      test = self()

      owner =
        spawn_link(fn ->
          receive do
            {:ws, ws} ->
              {:ok, events, ws} = WebSocket.activate(ws)
              {events, ws} = some(ws, :rand.uniform(3) - 1, events)
              {:ok, ws} = WebSocket.transfer(ws, test)
              send(test, {:back, ws, events})
          end
        end)

      {:ok, ws} = WebSocket.transfer(ws, owner)
      send(owner, {:ws, ws})
      assert_receive {:back, ws, events}, 5_000
      {:ok, more, ws} = WebSocket.activate(ws)
      pass(ws, hops - 1, received ++ events ++ more, count)
    end

    defp some(ws, 0, events), do: {events, ws}

    defp some(ws, left, events) do
      receive do
        message ->
          {:ok, more, ws} = WebSocket.handle(ws, message)
          some(ws, left - 1, events ++ more)
      after
        1 -> {events, ws}
      end
    end

    defp collect({ws, received}) do
      if {:text, "end"} in received do
        {for({:binary, data} <- received, do: data), ws}
      else
        {more, ws} = events(ws)
        collect({ws, received ++ more})
      end
    end

    defp cut("", _cuts), do: []
    defp cut(bytes, []), do: [bytes]

    defp cut(bytes, [size | cuts]) do
      size = min(size, byte_size(bytes))
      <<piece::binary-size(size), rest::binary>> = bytes
      [piece | cut(rest, cuts)]
    end
  end

  test "tells how each was opened and closed" do
    Events.listen()
    {client, ws, name} = pair()
    assert_receive {:event, [:guildhall, :http, :websocket, :open], _, %{instance: ^name}}
    HttpClient.send_frame(client, :close, HttpClient.close_payload(1000))
    {[{:closed, 1000}], _ws} = events(ws)

    assert_receive {:event, [:guildhall, :http, :websocket, :close], _,
                    %{instance: ^name, code: 1000, by: :client}}

    {_client, ws, name} = pair()
    WebSocket.close(ws, 4_004, "")

    assert_receive {:event, [:guildhall, :http, :websocket, :close], _,
                    %{instance: ^name, code: 4_004, by: :server}}

    {client, ws, name} = pair()
    HttpClient.close(client)
    {[{:closed, nil}], _ws} = events(ws)

    assert_receive {:event, [:guildhall, :http, :websocket, :close], _,
                    %{instance: ^name, code: nil, by: :nobody}}
  end

  test "frames are as short as they can be" do
    for {size, header} <- [
          {0, <<0x81, 0>>},
          {125, <<0x81, 125>>},
          {126, <<0x81, 126, 126::16>>},
          {65_536, <<0x81, 127, 65_536::64>>}
        ] do
      assert IO.iodata_to_binary(Frame.encode(:text, :binary.copy("x", size))) ==
               header <> :binary.copy("x", size)
    end
  end
end
