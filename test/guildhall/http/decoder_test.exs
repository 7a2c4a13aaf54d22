defmodule Guildhall.Http.DecoderTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.Http.Decoder
  alias Guildhall.HttpClient

  defp decode(pieces) do
    {events, decoder} =
      Enum.flat_map_reduce(pieces, Decoder.new(1_000, 100_000), fn piece, decoder ->
        Decoder.feed(decoder, piece)
      end)

    {events, decoder.buffer}
  end

  # A message as its frames, perhaps fragmented and with a ping between, and what it decodes to.
  defp message do
    oneof([
      map({oneof([:text, :binary]), list(utf8()), boolean()}, &fragmented/1),
      map(small(binary()), &{HttpClient.frame(:ping, &1), [{:ping, &1}]}),
      map(small(binary()), &{HttpClient.frame(:pong, &1), [{:pong, &1}]})
    ])
  end

  defp fragmented({type, [], pinged?}), do: fragmented({type, [""], pinged?})

  defp fragmented({type, parts, pinged?}) do
    last = length(parts) - 1

    frames =
      for {part, index} <- Enum.with_index(parts) do
        frame =
          HttpClient.frame(if(index == 0, do: type, else: :continuation), part, fin: index == last)

        if pinged? and index < last, do: frame <> HttpClient.frame(:ping, "?"), else: frame
      end

    pings = if pinged?, do: List.duplicate({:ping, "?"}, last), else: []
    {Enum.join(frames), pings ++ [{type, Enum.join(parts)}]}
  end

  defp utf8,
    do:
      map(
        list(oneof([range(0, 127), range(0x80, 0xD7FF), range(0x10000, 0x10FFFF)])),
        &List.to_string(Enum.take(&1, 25))
      )

  defp small(generator), do: map(generator, &binary_part(&1, 0, min(byte_size(&1), 125)))

  defp cut("", _sizes), do: []
  defp cut(bytes, []), do: [bytes]

  defp cut(bytes, [size | sizes]) do
    size = min(size, byte_size(bytes))
    <<piece::binary-size(size), rest::binary>> = bytes
    [piece | cut(rest, sizes)]
  end

  property "any cuts of the stream give the same messages" do
    forall {messages, sizes} <- {map(list(message()), &Enum.take(&1, 20)), list(range(0, 30))} do
      {frames, events} = Enum.unzip(messages)
      bytes = Enum.join(frames)
      expected = {Enum.concat(events), ""}
      assert decode([bytes]) == expected
      assert decode(cut(bytes, sizes)) == expected
      assert decode(for(<<byte::binary-size(1) <- bytes>>, do: byte)) == expected
    end
  end

  property "a fault is found wherever the stream is cut, after the same messages" do
    forall {messages, noise, sizes} <-
             {map(list(message()), &Enum.take(&1, 5)), binary(), list(range(0, 30))} do
      bytes = Enum.map_join(messages, &elem(&1, 0)) <> noise
      assert decode(cut(bytes, sizes)) == decode([bytes])
    end
  end

  property "only a header or a control frame waits undecoded" do
    forall bytes <- binary() do
      {_events, decoder} = Decoder.feed(Decoder.new(100, 100), bytes)
      assert byte_size(decoder.buffer) < 140
    end
  end

  test "nothing follows a close frame or a fault" do
    for first <- [HttpClient.frame(:close), HttpClient.frame(7)] do
      assert {[_one], decoder} =
               Decoder.feed(Decoder.new(10, 10), first <> HttpClient.frame(:text, "x"))

      assert {[], _decoder} = Decoder.feed(decoder, HttpClient.frame(:text, "x"))
    end
  end
end
