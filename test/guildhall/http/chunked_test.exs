defmodule Guildhall.Http.ChunkedTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.Http.Chunked

  defp decode(pieces, limit \\ 10_000) do
    Enum.reduce_while(pieces, {:more, Chunked.new(limit)}, fn piece, {:more, chunked} ->
      case Chunked.feed(chunked, piece) do
        {:more, chunked} -> {:cont, {:more, chunked}}
        result -> {:halt, result}
      end
    end)
  end

  property "any cuts of the stream give the same body" do
    forall {chunks, extension} <- {list(binary()), oneof(["", ";a=b", " ; x"])} do
      chunks = for chunk <- chunks, chunk != "", do: chunk

      parts =
        for chunk <- chunks,
            do: [Integer.to_string(byte_size(chunk), 16), extension, "\r\n", chunk, "\r\n"]

      bytes = IO.iodata_to_binary([parts, "0\r\nA: b\r\n\r\n"])
      expected = {:done, Enum.join(chunks), ""}
      assert decode([bytes]) == expected
      assert decode(for(<<byte::binary-size(1) <- bytes>>, do: byte)) == expected
      assert {:done, _body, "rest"} = decode([bytes <> "rest"])
      assert {:more, _chunked} = decode([binary_part(bytes, 0, byte_size(bytes) - 1)])
    end
  end

  property "noise neither crashes nor grows" do
    forall noise <- binary() do
      case decode([noise], 50) do
        {:more, chunked} ->
          assert byte_size(chunked.body) <= 50 and byte_size(chunked.buffer) <= 256

        {:error, reason} ->
          assert reason in [:chunk, :body_too_large]

        {:done, body, _rest} ->
          assert byte_size(body) <= 50
      end
    end
  end

  test "the limit is of all chunks together, and known from their sizes" do
    assert {:done, "0123456789", ""} = decode(["5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n"], 10)
    assert decode(["5\r\n01234\r\n6\r\n"], 10) == {:error, :body_too_large}
    assert decode(["ffffffffffff\r\n"], 10) == {:error, :body_too_large}
  end

  test "trailers are bounded" do
    assert decode(["0\r\n", String.duplicate("a: bcdefgh\r\n", 1_000)]) == {:error, :chunk}
  end
end
