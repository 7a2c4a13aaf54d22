defmodule Guildhall.Http.WebSocket.CasesTest do
  use ExUnit.Case, async: true

  # What an echo server must do, case by case on real sockets, after the cases of the Autobahn test suite
  # (sections 1-7 and 10; 9 is about speed, 12 and 13 about compression, which we never negotiate).
  # A case is what the client sends, in pieces, and the frames that it must get. An atom as the last
  # means that the server ends the connection then.

  import Guildhall.HttpClient,
    only: [frame: 1, frame: 2, frame: 3, close_payload: 1, close_payload: 2]

  alias Guildhall.{HttpClient, HttpServer}

  @limit 16_777_216
  @text "Hello-µ@ßöäüàá-UTF-8!!"
  @invalid <<0xCE, 0xBA, 0xE1, 0xBD, 0xB9, 0xCF, 0x83, 0xCE, 0xBC, 0xCE, 0xB5, 0xF4, 0x90, 0x80,
             0x80, "edited">>
  @closed {:close, 1000, ""}

  setup_all do
    handler = fn _request ->
      {:websocket, HttpServer.Echo, nil, frame_limit: @limit, message_limit: @limit}
    end

    %{handler: handler}
  end

  setup %{handler: handler} do
    {_name, port} = HttpServer.start(handler)
    %{port: port}
  end

  # Sends the pieces (then a close, if the server is to survive them) and compares every frame.
  defp check(port, name, pieces, expected) do
    ws = HttpClient.websocket(port, "/")
    survives? = List.last([nil | expected]) != :closed
    pieces = if survives?, do: pieces ++ [frame(:close, close_payload(1000))], else: pieces
    expected = if survives?, do: expected ++ [@closed], else: List.delete(expected, :closed)
    sender = Task.async(fn -> send_all(ws, pieces) end)
    {frames, ws} = Enum.map_reduce(expected, ws, fn _, ws -> HttpClient.recv_frame(ws) end)
    Task.await(sender)
    assert Enum.map(frames, &shorten/1) == Enum.map(expected, &shorten/1), "case #{name}"
    assert HttpClient.closed?(ws), "case #{name} is not closed"
    HttpClient.close(ws)
  end

  # A server that has found a fault may be gone before the last piece.
  defp send_all(ws, pieces) do
    for piece <- pieces, do: :gen_tcp.send(ws.socket, piece)
  end

  # The reason of our own close is ours to choose; a long payload is compared by its hash.
  defp shorten({:close, code, _reason}), do: {:close, code}

  defp shorten({type, data}) when byte_size(data) > 200,
    do: {type, byte_size(data), :erlang.md5(data)}

  defp shorten(frame), do: frame

  defp fails(code), do: [{:close, code, ""}, :closed]
  defp bytes(data), do: for(<<byte::binary-size(1) <- data>>, do: byte)
  defp chop(data, size), do: for(piece <- chunks(data, size), do: piece)

  defp chunks(data, size) when byte_size(data) <= size, do: [data]

  defp chunks(data, size) do
    <<piece::binary-size(size), rest::binary>> = data
    [piece | chunks(rest, size)]
  end

  # A message as fragments.
  defp fragments(type, parts) do
    last = length(parts) - 1

    for {part, index} <- Enum.with_index(parts) do
      frame(if(index == 0, do: type, else: :continuation), part, fin: index == last)
    end
  end

  test "1: framing", %{port: port} do
    for {type, section} <- [text: "1.1", binary: "1.2"],
        {size, number} <- Enum.with_index([0, 125, 126, 127, 128, 65_535, 65_536], 1) do
      data = :binary.copy(if(type == :text, do: "*", else: <<0xFE>>), size)
      check(port, "#{section}.#{number}", [frame(type, data)], [{type, data}])
    end

    for {type, section} <- [text: "1.1.8", binary: "1.2.8"] do
      data = :binary.copy("*", 65_536)
      check(port, section, chop(frame(type, data), 997), [{type, data}])
    end
  end

  test "2: pings and pongs", %{port: port} do
    for {payload, number} <- [
          {"", 1},
          {"Hello, world!", 2},
          {<<0, 0xFF, 0xFE, 0xFD, 0xFC, 0xFB, 0, 0xFF>>, 3},
          {:binary.copy(<<0xFE>>, 125), 4}
        ] do
      check(port, "2.#{number}", [frame(:ping, payload)], [{:pong, payload}])
    end

    check(port, "2.5", [frame(:ping, :binary.copy(<<0xFE>>, 126))], fails(1002))
    long = :binary.copy(<<0xFE>>, 125)
    check(port, "2.6", bytes(frame(:ping, long)), [{:pong, long}])
    check(port, "2.7", [frame(:pong)], [])
    check(port, "2.8", [frame(:pong, "unsolicited")], [])
    check(port, "2.9", [frame(:pong, "unsolicited"), frame(:ping, "ping")], [{:pong, "ping"}])
    ten = for n <- 1..10, do: "payload-#{n}"
    pongs = Enum.map(ten, &{:pong, &1})
    check(port, "2.10", Enum.map(ten, &frame(:ping, &1)), pongs)
    check(port, "2.11", Enum.flat_map(ten, &bytes(frame(:ping, &1))), pongs)
  end

  test "3: reserved bits", %{port: port} do
    hello = frame(:text, "Hello, world!")
    echo = {:text, "Hello, world!"}
    check(port, "3.1", [frame(:text, "Hello, world!", rsv: 1)], fails(1002))

    check(port, "3.2", [hello, frame(:text, "Hello, world!", rsv: 2), frame(:ping)], [
      echo | fails(1002)
    ])

    check(port, "3.3", [hello <> frame(:text, "Hello, world!", rsv: 3) <> frame(:ping)], [
      echo | fails(1002)
    ])

    check(port, "3.4", bytes(hello <> frame(:text, "Hello, world!", rsv: 4) <> frame(:ping)), [
      echo | fails(1002)
    ])

    check(port, "3.5", [frame(:binary, <<0, 0xFF>>, rsv: 5)], fails(1002))
    check(port, "3.6", [frame(:ping, "Hello, world!", rsv: 6)], fails(1002))
    check(port, "3.7", [frame(:close, close_payload(1000), rsv: 7)], fails(1002))
  end

  test "4: reserved opcodes", %{port: port} do
    hello = frame(:text, "Hello, world!")
    echo = {:text, "Hello, world!"}

    for {opcodes, section} <- [{3..7, "4.1"}, {11..15, "4.2"}],
        {opcode, number} <- Enum.with_index(opcodes, 1) do
      check(port, "#{section}.#{number}", [frame(opcode)], fails(1002))

      check(
        port,
        "#{section}.#{number} later",
        [hello <> frame(opcode, "reserved") <> frame(:ping)],
        [echo | fails(1002)]
      )

      check(
        port,
        "#{section}.#{number} in bytes",
        bytes(hello <> frame(opcode) <> frame(:ping)),
        [echo | fails(1002)]
      )
    end
  end

  test "5: fragmentation", %{port: port} do
    parts = ["fragment1", "fragment2"]
    whole = {:text, "fragment1fragment2"}
    [first, second] = fragments(:text, parts)
    ping = frame(:ping, "ping payload")
    pong = {:pong, "ping payload"}

    check(
      port,
      "5.1",
      [frame(:ping, "fragment1", fin: false), frame(:continuation, "fragment2")],
      fails(1002)
    )

    check(
      port,
      "5.2",
      [frame(:pong, "fragment1", fin: false), frame(:continuation, "fragment2")],
      fails(1002)
    )

    check(port, "5.3", [first, second], [whole])
    check(port, "5.4", [first <> second], [whole])
    check(port, "5.5", bytes(first <> second), [whole])
    check(port, "5.6", [first, ping, second], [pong, whole])
    check(port, "5.7", [first <> ping <> second], [pong, whole])
    check(port, "5.8", bytes(first <> ping <> second), [pong, whole])

    for {fin, from} <- [{true, 9}, {false, 12}] do
      wrong = frame(:continuation, "non-continuation payload", fin: fin)
      hello = frame(:text, "Hello, world!")
      check(port, "5.#{from}", [wrong, hello], fails(1002))
      check(port, "5.#{from + 1}", [wrong <> hello], fails(1002))
      check(port, "5.#{from + 2}", bytes(wrong <> hello), fails(1002))
    end

    check(
      port,
      "5.15",
      [first, second, frame(:continuation, "fragment3", fin: false), frame(:text, "fragment4")],
      [whole | fails(1002)]
    )

    check(
      port,
      "5.16",
      [
        frame(:continuation, "fragment1", fin: false),
        frame(:text, "fragment2", fin: false),
        frame(:continuation, "fragment3")
      ],
      fails(1002)
    )

    check(
      port,
      "5.17",
      [
        frame(:continuation, "fragment1"),
        frame(:text, "fragment2", fin: false),
        frame(:continuation, "fragment3")
      ],
      fails(1002)
    )

    check(
      port,
      "5.18",
      [frame(:text, "fragment1", fin: false), frame(:text, "fragment2")],
      fails(1002)
    )

    five = fragments(:text, for(n <- 1..5, do: "fragment#{n}"))
    {head, tail} = Enum.split(five, 2)
    {middle, tail} = Enum.split(tail, 2)
    all = {:text, Enum.map_join(1..5, &"fragment#{&1}")}
    pinged = head ++ [frame(:ping, "pongme 1!")] ++ middle ++ [frame(:ping, "pongme 2!")] ++ tail
    pongs = [{:pong, "pongme 1!"}, {:pong, "pongme 2!"}, all]
    check(port, "5.19", pinged, pongs)
    check(port, "5.20", [Enum.join(pinged)], pongs)
  end

  test "6.1, 6.2: valid UTF-8, in any pieces", %{port: port} do
    check(port, "6.1.1", [frame(:text)], [{:text, ""}])
    check(port, "6.1.2", fragments(:text, ["", "", ""]), [{:text, ""}])

    check(port, "6.1.3", fragments(:text, ["", "middle frame payload", ""]), [
      {:text, "middle frame payload"}
    ])

    check(port, "6.2.1", [frame(:text, @text)], [{:text, @text}])
    check(port, "6.2.2", fragments(:text, ["Hello-µ@ßöä", "üàá-UTF-8!!"]), [{:text, @text}])
    check(port, "6.2.3", fragments(:text, bytes(@text)), [{:text, @text}])
    kosme = "κόσμε"
    check(port, "6.2.4", fragments(:text, bytes(kosme)), [{:text, kosme}])
    check(port, "6.2.4 in bytes", bytes(frame(:text, kosme)), [{:text, kosme}])
  end

  test "6.3, 6.4: invalid UTF-8 is found at its first byte", %{port: port} do
    check(port, "6.3.1", [frame(:text, @invalid)], fails(1007))
    check(port, "6.3.2", fragments(:text, bytes(@invalid)), fails(1007))

    # The server answers before the message is whole: nothing more is sent.
    valid = binary_part(@invalid, 0, 11)

    check(
      port,
      "6.4.1",
      [
        frame(:text, valid, fin: false),
        frame(:continuation, <<0xF4, 0x90, 0x80, 0x80>>, fin: false)
      ],
      fails(1007)
    )

    check(
      port,
      "6.4.2",
      [frame(:text, valid <> <<0xF4>>, fin: false), frame(:continuation, <<0x90>>, fin: false)],
      fails(1007)
    )

    check(port, "6.4.3", [cut(frame(:text, @invalid), 6)], fails(1007))
    check(port, "6.4.4", [cut(frame(:text, @invalid), 8)], fails(1007))
  end

  # All but the last bytes.
  defp cut(frame, bytes), do: binary_part(frame, 0, byte_size(frame) - bytes)

  test "6.5 - 6.23: the edges of UTF-8", %{port: port} do
    valid = [
      "κόσμε",
      <<0>>,
      <<0xC2, 0x80>>,
      <<0xE0, 0xA0, 0x80>>,
      <<0xF0, 0x90, 0x80, 0x80>>,
      <<0x7F>>,
      <<0xDF, 0xBF>>,
      <<0xEF, 0xBF, 0xBF>>,
      <<0xF4, 0x8F, 0xBF, 0xBF>>,
      <<0xED, 0x9F, 0xBF>>,
      <<0xEE, 0x80, 0x80>>,
      <<0xEF, 0xBF, 0xBD>>,
      <<0xEF, 0xBF, 0xBE>>,
      <<0xF0, 0x9F, 0xBF, 0xBE>>,
      <<0xF3, 0xBF, 0xBF, 0xBE>>
    ]

    invalid = [
      # 6.6: a character that does not end.
      <<0xCE>>,
      <<0xCE, 0xBA, 0xE1>>,
      <<0xCE, 0xBA, 0xE1, 0xBD>>,
      <<0xCE, 0xBA, 0xE1, 0xBD, 0xB9, 0xCF>>,
      # 6.8, 6.10: five and six bytes, beyond U+10FFFF.
      <<0xF8, 0x88, 0x80, 0x80, 0x80>>,
      <<0xFC, 0x84, 0x80, 0x80, 0x80, 0x80>>,
      <<0xF7, 0xBF, 0xBF, 0xBF>>,
      <<0xF4, 0x90, 0x80, 0x80>>,
      # 6.12: continuation bytes alone.
      <<0x80>>,
      <<0xBF>>,
      <<0x80, 0xBF>>,
      <<0x80, 0xBF, 0x80, 0xBF, 0x80, 0xBF>>,
      # 6.13, 6.14: first bytes alone.
      <<0xC0, 0x20, 0xC1, 0x20>>,
      <<0xE0, 0x20>>,
      <<0xF0, 0x20>>,
      <<0xF8, 0x20>>,
      <<0xFC, 0x20>>,
      <<0xC0>>,
      <<0xE0, 0x80>>,
      <<0xF0, 0x80, 0x80>>,
      # 6.16: impossible bytes.
      <<0xFE>>,
      <<0xFF>>,
      <<0xFE, 0xFE, 0xFF, 0xFF>>,
      # 6.17 - 6.19: overlong.
      <<0xC0, 0xAF>>,
      <<0xE0, 0x80, 0xAF>>,
      <<0xF0, 0x80, 0x80, 0xAF>>,
      <<0xC1, 0xBF>>,
      <<0xE0, 0x9F, 0xBF>>,
      <<0xF0, 0x8F, 0xBF, 0xBF>>,
      <<0xC0, 0x80>>,
      # 6.20, 6.21: surrogates, alone and in pairs.
      <<0xED, 0xA0, 0x80>>,
      <<0xED, 0xBF, 0xBF>>,
      <<0xED, 0xA0, 0x80, 0xED, 0xB0, 0x80>>,
      <<0xED, 0xAF, 0xBF, 0xED, 0xBF, 0xBF>>
    ]

    for text <- valid do
      check(port, "valid #{inspect(text)}", [frame(:text, text)], [{:text, text}])

      check(port, "valid #{inspect(text)} in fragments", fragments(:text, bytes(text)), [
        {:text, text}
      ])
    end

    for text <- invalid do
      check(port, "invalid #{inspect(text)}", [frame(:text, text)], fails(1007))

      check(
        port,
        "invalid #{inspect(text)} in fragments",
        fragments(:text, bytes(text)),
        fails(1007)
      )

      check(port, "binary #{inspect(text)}", [frame(:binary, text)], [{:binary, text}])
    end
  end

  test "7: closing", %{port: port} do
    hello = frame(:text, "Hello World!")
    echo = {:text, "Hello World!"}
    close = frame(:close, close_payload(1000))

    check(port, "7.1.1", [hello, close], [echo, @closed, :closed])
    check(port, "7.1.2", [close, close], [@closed, :closed])
    check(port, "7.1.3", [close, frame(:ping)], [@closed, :closed])
    check(port, "7.1.4", [close, hello], [@closed, :closed])

    check(
      port,
      "7.1.5",
      [frame(:text, "fragment1", fin: false), close, frame(:continuation, "fragment2")],
      [@closed, :closed]
    )

    big = :binary.copy("BAsd7&jh23", 26_215)

    check(port, "7.1.6", [frame(:text, big), hello, close, frame(:ping)], [
      {:text, big},
      echo,
      @closed,
      :closed
    ])

    check(port, "7.3.1", [frame(:close)], [{:close, nil, ""}, :closed])
    check(port, "7.3.2", [frame(:close, "a")], fails(1002))
    check(port, "7.3.3", [frame(:close, close_payload(1000))], [@closed, :closed])
    check(port, "7.3.4", [frame(:close, close_payload(1000, "Hello World!"))], [@closed, :closed])

    check(port, "7.3.5", [frame(:close, close_payload(1000, :binary.copy("*", 123)))], [
      @closed,
      :closed
    ])

    check(
      port,
      "7.3.6",
      [frame(:close, close_payload(1000, :binary.copy("*", 124)))],
      fails(1002)
    )

    check(port, "7.5.1", [frame(:close, close_payload(1000, @invalid))], fails(1007))

    for code <- [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] do
      check(port, "7.7 #{code}", [frame(:close, close_payload(code))], [
        {:close, code, ""},
        :closed
      ])
    end

    for code <- [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] do
      check(port, "7.9, 7.13 #{code}", [frame(:close, close_payload(code))], fails(1002))
    end
  end

  test "10: a large message in small writes", %{port: port} do
    data = :binary.copy("*", 65_536)
    check(port, "10.1.1", chop(frame(:text, data), 1_300), [{:text, data}])
  end

  test "9: large messages, whole and in fragments", %{port: port} do
    data = :crypto.strong_rand_bytes(2_000_000)
    check(port, "9.2", [frame(:binary, data)], [{:binary, data}])
    check(port, "9.4", fragments(:binary, chunks(data, 4_096)), [{:binary, data}])
  end

  test "and what the suite leaves out", %{port: port} do
    check(port, "not masked", [frame(:text, "x", mask: false)], fails(1002))

    check(
      port,
      "a length in more bytes than it needs",
      [<<0x81, 0x80 + 126, 5::16, 0::32, "hello">>],
      fails(1002)
    )

    check(port, "and in many more", [<<0x81, 0x80 + 127, 300::64, 0::32>>], fails(1002))

    check(
      port,
      "a length with its highest bit set",
      [<<0x82, 0x80 + 127, 0x8000000000000000::64>>],
      fails(1002)
    )

    check(port, "too long a message", [<<0x82, 0x80 + 127, @limit + 1::64>>], fails(1009))
    check(port, "a fault in the first byte", [<<0xF1>>, <<0x80>>], fails(1002))
  end
end
