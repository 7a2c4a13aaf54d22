defmodule Guildhall.Conformance.StreamsTest do
  use ExUnit.Case, async: true

  # What the libraries of clients decompress is byte for byte what was sent, message by message:
  # python's zlib and zstandard, node's zlib, fzstd.

  alias Guildhall.{Frames, Outbox}
  alias Guildhall.Outbox.Transport

  @moduletag :conformance
  @moduletag :tmp_dir

  @clients [
    python:
      {Path.expand("test/conformance/.venv/main/bin/python"), "test/conformance/streams.py"},
    node: {"node", "test/conformance/streams.mjs"}
  ]

  for kind <- [:zlib_stream, :zstd_stream], {name, {program, script}} <- @clients do
    test "#{name} reads #{kind}", %{tmp_dir: dir} do
      {sent, expected} = Enum.unzip(for _ <- 1..20, do: connection(unquote(kind)))
      [source, target] = for name <- ["sent", "read"], do: Path.join(dir, name)
      File.write!(source, sent)

      arguments = [unquote(script), unquote(to_string(kind)), source, target]
      assert {_output, 0} = System.cmd(unquote(program), arguments, stderr_to_stdout: true)
      # Not with ==, whose report would be megabytes.
      assert File.read!(target) |> same?(IO.iodata_to_binary(expected))
      File.rm_rf!(dir)
    end
  end

  defp same?(read, expected), do: :crypto.hash(:sha256, read) == :crypto.hash(:sha256, expected)

  # A hello, then events in bursts; what was sent, and what must be read.
  defp connection(kind) do
    {outbox, transport} = {Outbox.new(max_bytes: 1_000_000_000), Transport.new(kind)}
    # Not any body: fzstd reads nothing before it has 18 bytes.
    hello = ~s({"t":null,"s":null,"op":10,"d":{"heartbeat_interval":41250,"_trace":["a"]}})
    first = Transport.frame(transport, hello)

    {frames, payloads} =
      Enum.map_reduce(1..Enum.random(2..30), [], fn _burst, payloads ->
        {bursts, sequence} = {for(_ <- 1..Enum.random(1..8), do: body()), length(payloads)}
        for data <- bursts, do: Outbox.push(outbox, Outbox.event("E", data))
        {drain(outbox, transport), numbered(bursts, sequence) ++ payloads}
      end)

    messages =
      for frame <- [first | frames], {:binary, message} <- Frames.messages(frame), do: message

    {pack(messages), pack([hello | Enum.reverse(payloads)])}
  end

  defp numbered(bursts, sequence) do
    bursts
    |> Enum.with_index(sequence + 1)
    |> Enum.map(fn {data, n} -> [~s({"s":#{n},"t":"E","op":0,"d":), data, "}"] end)
    |> Enum.reverse()
  end

  defp drain(outbox, transport) do
    case Outbox.take(outbox, transport, 20_000) do
      {:ok, frames, true} -> frames <> drain(outbox, transport)
      {:ok, frames, false} -> frames
      :empty -> ""
    end
  end

  defp pack(messages) do
    [<<length(messages)::32>> | Enum.map(messages, &[<<IO.iodata_length(&1)::32>>, &1])]
  end

  # Text that repeats what went before, noise, nearly nothing, and more than a block of each.
  defp body do
    case Enum.random(1..20) do
      1 -> String.duplicate(sentence(), Enum.random(100..3_000))
      2 -> :crypto.strong_rand_bytes(Enum.random(60_000..150_000))
      3 -> "1"
      n when n < 6 -> :crypto.strong_rand_bytes(Enum.random(1..2_000))
      _text -> [~s({"content":"), for(_ <- 0..Enum.random(0..9), do: sentence()), ~s("})]
    end
  end

  defp sentence, do: "a word #{Enum.random(1..99)} that comes again "
end
