defmodule Guildhall.Conformance.StreamsTest do
  use ExUnit.Case, async: true

  # What the libraries of clients decompress is byte for byte what a plain connection is sent, message
  # by message: python's zlib and zstandard, node's zlib, fzstd. Many sessions share the events, come
  # back on other connections, and have the policies of compression mixed among them.

  alias Guildhall.{Frames, Outbox}
  alias Guildhall.Outbox.Transport

  @moduletag :conformance
  @moduletag :tmp_dir

  @clients [
    python:
      {Path.expand("test/conformance/.venv/main/bin/python"), "test/conformance/streams.py"},
    node: {"node", "test/conformance/streams.mjs"}
  ]
  @primer File.read!("native/zstd_splice/src/primer.json")
  @hello ~s({"t":null,"s":null,"op":10,"d":{"heartbeat_interval":41250,"_trace":["a"]}})

  for kind <- [:zlib_stream, :zstd_stream],
      encoding <- [:json, :etf],
      {name, {program, script}} <- @clients do
    test "#{name} reads #{encoding} by #{kind}", %{tmp_dir: dir} do
      sessions =
        crowd(unquote(kind), unquote(encoding)) ++ [reader(unquote(kind), unquote(encoding))]

      {sent, expected} = sessions |> Enum.flat_map(& &1.connections) |> Enum.unzip()
      [source, target] = for name <- ["sent", "read"], do: Path.join(dir, name)
      File.write!(source, Enum.map(sent, &pack/1))

      arguments = [unquote(script), unquote(to_string(kind)), source, target]
      assert {_output, 0} = System.cmd(unquote(program), arguments, stderr_to_stdout: true)

      read = unpack(File.read!(target))
      assert length(read) == length(expected)

      # Not with ==, whose report would be megabytes.
      for {{read, expected}, connection} <- read |> Enum.zip(expected) |> Enum.with_index() do
        assert Enum.map(read, &digest/1) == Enum.map(expected, &digest/1), "of #{connection}"
      end

      File.rm_rf!(dir)
    end
  end

  defp digest(payload), do: {byte_size(payload), :crypto.hash(:md5, payload)}

  # Sessions that get events in common, read, and come back now and then.
  defp crowd(kind, encoding) do
    sessions = for _ <- 1..24, do: connect(session(), kind, encoding)

    Enum.reduce(1..60, sessions, fn _step, sessions ->
      event = Outbox.event("E", body(encoding))
      share = Enum.random([1, 6, 20, 24])
      for session <- Enum.take_random(sessions, share), do: push(session, event)

      for session <- sessions do
        case Enum.random(1..10) do
          1 -> resume(session, kind, encoding)
          n when n < 6 -> read(session)
          _later -> session
        end
      end
    end)
    |> Enum.map(&read/1)
  end

  # One that stays for longer than any window, and meets every distance on the way.
  defp reader(kind, encoding) do
    session = connect(session(), kind, encoding, :shared)

    Enum.reduce(1..6_000, session, fn n, session ->
      push(session, Outbox.event("E", sample(n)))
      if rem(n, 50) == 0, do: read(session), else: session
    end)
  end

  # An outbox, and its shadow that is read without compression.
  defp session do
    options = [max_events: 100_000, max_bytes: 1_000_000_000]
    %{outbox: Outbox.new(options), shadow: Outbox.new(options), connections: []}
  end

  defp connect(session, kind, encoding, compression \\ Enum.random([:shared, :context, :auto])) do
    transport = Transport.new(kind, encoding: encoding, compression: compression)
    plain = Transport.new(:plain, encoding: encoding)

    hello =
      {messages(Transport.frame(transport, @hello)), messages(Transport.frame(plain, @hello))}

    session = Map.merge(session, %{transport: transport, plain: plain})
    %{session | connections: session.connections ++ [hello]}
  end

  defp push(session, event) do
    Outbox.push(session.outbox, event)
    Outbox.push(session.shadow, event)
  end

  defp resume(session, kind, encoding) do
    number = Enum.random(0..Outbox.info(session.outbox).sequence)
    :ok = Outbox.resume(session.outbox, number)
    :ok = Outbox.resume(session.shadow, number)
    session |> connect(kind, encoding) |> read()
  end

  defp read(session) do
    new = {drain(session.outbox, session.transport), drain(session.shadow, session.plain)}

    connections =
      List.update_at(session.connections, -1, fn {sent, expected} ->
        {sent ++ messages(elem(new, 0)), expected ++ messages(elem(new, 1))}
      end)

    %{session | connections: connections}
  end

  defp drain(outbox, transport) do
    case Outbox.take(outbox, transport, 20_000) do
      {:ok, frames, true} -> frames <> drain(outbox, transport)
      {:ok, frames, false} -> frames
      :empty -> ""
    end
  end

  defp messages(frames), do: for({_kind, message} <- Frames.messages(frames), do: message)

  defp pack(messages) do
    [<<length(messages)::32>> | Enum.map(messages, &[<<byte_size(&1)::32>>, &1])]
  end

  defp unpack(""), do: []

  defp unpack(<<count::32, rest::binary>>) do
    {payloads, rest} =
      Enum.map_reduce(1..count, rest, fn _n,
                                         <<size::32, payload::binary-size(size), rest::binary>> ->
        {Frames.without_primer(payload), rest}
      end)

    [payloads | unpack(rest)]
  end

  # Text that repeats what went before, what the primer says, noise, nearly nothing, and more than a
  # block of each. ETF is made of JSON only.
  defp body(encoding) do
    case Enum.random(1..24) do
      1 -> json(String.duplicate(sentence(), Enum.random(100..6_000)))
      2 -> noise(encoding, Enum.random(60_000..200_000))
      3 -> "1"
      n when n < 7 -> noise(encoding, Enum.random(1..2_000))
      n when n < 12 -> json(for(_ <- 1..Enum.random(1..9), do: piece()))
      n when n < 15 -> @primer
      n when n < 18 -> sample(n)
      _text -> json(for(_ <- 0..Enum.random(0..9), do: sentence()))
    end
  end

  defp sentence, do: "a word #{Enum.random(1..99)} that comes again "

  # Of the primer, near its ends, too.
  defp piece do
    from = Enum.random([0, Enum.random(1..byte_size(@primer)), byte_size(@primer) - 40])
    binary_part(@primer, from, min(Enum.random(1..600), byte_size(@primer) - from))
  end

  # Much of what the primer has, with differences.
  defp sample(n) do
    @primer
    |> binary_part(0, Enum.random(1..400))
    |> String.replace(~r/[0-9]{3}/, "#{100 + rem(n * 7919, 900)}")
    |> json()
  end

  # A piece of the primer may begin or end within a character.
  defp json(text) do
    text = text |> IO.iodata_to_binary() |> String.chunk(:valid) |> Enum.filter(&String.valid?/1)
    Guildhall.Payload.encode!(%{content: Enum.join(text)})
  end

  defp noise(:json, size), do: :crypto.strong_rand_bytes(size)
  defp noise(:etf, size), do: json(Base.encode64(:crypto.strong_rand_bytes(size)))
end
