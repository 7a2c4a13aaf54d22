defmodule Guildhall.Outbox.ZstdTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  # What zstd-stream writes, spliced and by contexts, is a frame by the words of the RFC: the decoder is
  # plain Elixir, and keeps to nothing but them.

  alias Guildhall.{Frames, Outbox, Payload}
  alias Guildhall.Outbox.Transport

  @primer File.read!("native/zstd_splice/src/primer.json")

  property "any payloads are read as they were, whatever was compressed for whom" do
    forall {policy, payloads} <- {oneof([:shared, :context]), list(payload())} do
      transport = Transport.new(:zstd_stream, compression: policy)
      read = Frames.reader(:zstd_stream)
      assert read.(Transport.frame(transport, ~s({"op":10}))) == [~s({"op":10})]

      # Events, and payloads of the connection alone.
      outbox = Outbox.new(max_bytes: 1_000_000_000)

      for {text, number} <- Enum.with_index(payloads, 1) do
        data = Payload.encode!(text)
        assert read.(Transport.frame(transport, ~s({"d":#{data}}))) == [~s({"d":#{data}})]
        Outbox.push(outbox, Outbox.event("E", data))
        {:ok, frames, false} = Outbox.take(outbox, transport, 1)
        assert read.(frames) == [~s({"s":#{number},"t":"E","op":0,"d":#{data}})]
      end
    end
  end

  test "bodies beyond a block, and beyond the window" do
    for policy <- [:shared, :context] do
      transport = Transport.new(:zstd_stream, compression: policy)
      read = Frames.reader(:zstd_stream)

      for text <- [
            String.duplicate("word ", 60_000),
            Base.encode64(:crypto.strong_rand_bytes(150_000)),
            String.duplicate("x", 1_200_000),
            @primer
          ] do
        payload = ~s({"d":#{Payload.encode!(text)}})
        assert [got] = read.(Transport.frame(transport, payload))
        # Not with ==, whose report would be megabytes.
        assert :erlang.md5(got) == :erlang.md5(payload)
      end
    end
  end

  # Text that repeats itself, and the primer's, and noise.
  defp payload do
    frequency([
      {3, map(list(range(0, 99)), &Enum.map_join(&1, fn n -> "word #{n} " end))},
      {3, map({range(0, byte_size(@primer) - 1), range(1, 600)}, &piece/1)},
      {1, map(binary(), &Base.encode64/1)},
      {1, map(range(0, 3_000), &String.duplicate("ab", &1))}
    ])
  end

  defp piece({from, size}) do
    @primer |> binary_part(from, min(size, byte_size(@primer) - from)) |> printable()
  end

  # It may begin or end within a character.
  defp printable(bytes),
    do: bytes |> String.chunk(:valid) |> Enum.filter(&String.valid?/1) |> Enum.join()
end
