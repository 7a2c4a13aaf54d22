defmodule Guildhall.PayloadTest do
  use ExUnit.Case, async: true

  alias Guildhall.Native
  alias Guildhall.Payload
  alias Guildhall.Payload.Error
  alias Guildhall.Payload.Reference

  doctest Payload
  doctest Error

  defp refused(term) do
    {:error, %Error{} = error} = Payload.encode(term)
    {error.reason, error.path}
  end

  defp unread(text) do
    {:error, %Error{} = error} = Payload.decode(text)
    {error.reason, error.position}
  end

  describe "encode/1" do
    test "writes every kind of value" do
      assert Payload.encode!([nil, true, false, :name, "text", 1, 1.5, [], %{}]) ==
               ~s([null,true,false,"name","text",1,1.5,[],{}])
    end

    test "writes atom, binary and integer keys as strings" do
      assert Payload.encode!(%{:a => 1}) == ~s({"a":1})
      assert Payload.encode!(%{"a" => 1}) == ~s({"a":1})
      assert Payload.encode!(%{7 => 1}) == ~s({"7":1})
      assert Payload.encode!(%{nil: 1}) == ~s({"nil":1})
    end

    test "writes atoms beyond Latin-1, long ones, and ones that need escapes" do
      long = String.duplicate("x", 255)

      for name <- ["", "é", "日本", "a\"b", long], _again <- 1..2 do
        assert Payload.decode!(Payload.encode!(String.to_atom(name))) == name
      end
    end

    test "writes integers of every size exactly" do
      for bits <- [31, 59, 60, 63, 64, 65, 128, 3_400], n <- [2 ** bits - 1, 2 ** bits] do
        assert Payload.encode!([n, -n]) == "[#{n},#{-n}]"
      end
    end

    test "refuses integers that would take long" do
      assert Payload.encode!(10 ** 1_024 - 1) == String.duplicate("9", 1_024)
      assert refused(%{a: 10 ** 1_024}) == {:number_too_long, [:a]}
      assert refused(2 ** 1_000_000) == {:number_too_long, []}
      assert refused(%{(10 ** 1_024) => 1}) == {:number_too_long, []}
    end

    test "escapes what must be escaped, and nothing else" do
      for n <- 0..0x7F do
        expected =
          case n do
            ?" -> ~S(\")
            ?\\ -> ~S(\\)
            ?\n -> ~S(\n)
            ?\r -> ~S(\r)
            ?\t -> ~S(\t)
            ?\b -> ~S(\b)
            ?\f -> ~S(\f)
            n when n < 0x20 -> "\\u00" <> String.downcase(Base.encode16(<<n>>))
            n -> <<n>>
          end

        # At each place of a block of sixteen, and in the rest after one.
        for before <- 0..17, rest <- [0, 20] do
          {head, tail} = {String.duplicate("a", before), String.duplicate("z", rest)}
          assert Payload.encode!(head <> <<n>> <> tail) == ~s("#{head}#{expected}#{tail}")
        end
      end
    end

    test "names what JSON has not, and where it is" do
      assert refused({1}) == {:tuple, []}
      assert refused(%{a: [1, %{"b" => {}}]}) == {:tuple, [:a, 1, "b"]}
      assert refused(a: 1) == {:tuple, [0]}
      assert refused([self()]) == {:pid, [0]}
      assert refused([1, make_ref()]) == {:reference, [1]}
      assert refused(&is_list/1) == {:function, []}
      assert refused(hd(:erlang.ports())) == {:port, []}
      assert refused(<<1::3>>) == {:bitstring, []}
      assert refused([[1 | 2]]) == {:improper_list, [0]}
      assert refused(%{1.5 => 1}) == {:invalid_key, []}
      assert refused(%{<<1::3>> => 1}) == {:invalid_key, []}
      assert refused(%{d: ~D[2020-01-01]}) == {:__struct__, [:d]}
      assert refused(%{d: %{__struct__: Nope, a: {}}}) == {:__struct__, [:d]}
    end

    test "gives the part that it refused" do
      assert {:error, %Error{term: {2}}} = Payload.encode([1, {2}])
      assert {:error, %Error{term: [1 | 2]}} = Payload.encode([[1 | 2]])
      assert {:error, %Error{term: %{__struct__: Date}}} = Payload.encode([~D[2020-01-01]])
    end

    test "gives the place of what is not UTF-8" do
      long = String.duplicate("é", 100)

      for text <- ["", "a", "日本", long],
          bad <- [<<0xFF>>, <<0xC0, 0x80>>, <<0xED, 0xA0, 0x80>>] do
        position = byte_size(text)

        for term <- [text <> bad, text <> bad <> long, [text <> bad], %{(text <> bad) => 1}] do
          assert {:error, %Error{reason: :invalid_utf8, position: ^position}} =
                   Payload.encode(term)
        end
      end
    end

    test "nests 512 deep and no deeper" do
      nested = fn depth -> Enum.reduce(2..depth, [], fn _n, inner -> [inner] end) end
      assert byte_size(Payload.encode!(nested.(512))) == 1_024
      assert {:too_deep, path} = refused(nested.(513))
      assert length(path) == 512
      assert {:too_deep, _path} = refused(nested.(100_000))
    end

    test "splices fragments as they are" do
      raw = Payload.raw([?[, "1, 2", "]"])
      assert Payload.encode!(raw) == "[1, 2]"
      assert Payload.encode!(%{a: [raw, 3, raw]}) == ~s({"a":[[1, 2],3,[1, 2]]})
      assert refused([%Payload.Raw{json: :no}]) == {:invalid_raw, [0]}
      assert refused(%Payload.Raw{json: <<1::1>>}) == {:invalid_raw, []}

      large = String.duplicate("1", 100_000)
      assert Payload.encode!([Payload.raw(large)]) == "[#{large}]"
    end

    test "knows a struct by its key, whatever was written before" do
      assert Payload.encode!([:__struct__, "__struct__"]) == ~s(["__struct__","__struct__"])
      assert Payload.encode!(%{"__struct__" => 1}) == ~s({"__struct__":1})
      assert refused([:__struct__, %{__struct__: Nope}]) == {:__struct__, [1]}
    end

    test "writes large strings, keys, fragments and maps, wherever they are" do
      large = String.duplicate("é\n", 50_000)
      map = Map.new(1..20_000, &{&1, %{"id" => &1}})

      for term <- [large, [large], %{large => large}, [%{a: %{large => [1]}}], [1, map, [map]]] do
        assert {:ok, text} = Payload.encode(term)
        assert Payload.decode(text) == Payload.decode(elem(Reference.encode(term), 1))
      end

      raws = List.duplicate(Payload.raw(""), 3) ++ List.duplicate(Payload.raw("{}"), 100_000)
      assert Payload.encode!(raws) == "[,,,#{Enum.map_join(1..100_000, ",", fn _ -> "{}" end)}]"
    end

    test "a normal scheduler stops at 64 KB, whatever it writes" do
      for value <- [nil, 1, 10 ** 1_000, "", "text", [], %{}, [[]], %{a: %{}}, Payload.raw("")] do
        assert {:more, text, _rest} =
                 Native.payload_encode(List.duplicate(value, 100_000), 1_000_000_000)

        assert byte_size(text) < 67_000
      end

      large = String.duplicate("a", 1_000_000)

      for term <- [large, [large], %{large => 1}, Payload.raw(large)] do
        assert {:more, text, _rest} = Native.payload_encode(term, 1_000_000_000)
        assert byte_size(text) < 10
      end
    end

    test "names the place of what is refused in a large term" do
      map = Map.new(1..20_000, &{&1, %{"id" => &1}})
      list = List.duplicate(map, 3)
      assert refused([list, %{a: list, b: [list, {1}]}]) == {:tuple, [1, :b, 1]}
      assert refused([list, %{a: [1 | 2]}]) == {:improper_list, [1, :a]}
      assert refused(list ++ [self()]) == {:pid, [3]}
      assert refused(list ++ :tail) == {:improper_list, []}
    end

    test "does not change its mind at the size at which the scheduler changes" do
      for size <- 65_520..65_550 do
        text = String.duplicate("a", size)
        assert Payload.encode!([text]) == ~s(["#{text}"])
      end
    end

    test "refuses more than it may write, to the byte, wherever it ends" do
      for term <- ["text", 1.5, [[], [[[]]]], %{"a" => %{"b" => []}}, Payload.raw("[1]"), nil],
          size = byte_size(Payload.encode!(term)) do
        assert {:ok, _text} = Payload.encode(term, max_bytes: size)
        assert {:error, %Error{reason: :too_large}} = Payload.encode(term, max_bytes: size - 1)
      end
    end

    test "refuses more than 64 MB" do
      megabyte = String.duplicate("a", 1024 * 1024)
      assert refused(List.duplicate(megabyte, 64)) == {:too_large, []}
      assert byte_size(Payload.encode!(List.duplicate(megabyte, 63))) > 63 * 1024 * 1024
    end
  end

  describe "decode/1" do
    test "the last of equal keys counts, in maps of every size" do
      for size <- [1, 2, 31, 32, 33, 100] do
        pairs = for round <- 1..2, n <- 1..size, do: {"key #{n}", {round, n}}
        text = Enum.map_join(pairs, ",", fn {key, {round, n}} -> ~s("#{key}":#{round * n}) end)
        assert Payload.decode!("{#{text}}") == Map.new(1..size, &{"key #{&1}", 2 * &1})
      end

      assert Payload.decode!(~S({"a":1,"\u0061":2})) == %{"a" => 2}
      assert Payload.decode!(~S({"\u0061":1,"a":2})) == %{"a" => 2}
    end

    test "empty objects leave those around them alone" do
      assert Payload.decode(~s({"a":{"b":1,"c":{},"d":[{}]},"e":{}})) ==
               {:ok, %{"a" => %{"b" => 1, "c" => %{}, "d" => [%{}]}, "e" => %{}}}
    end

    test "integers are exact" do
      for bits <- [31, 59, 60, 63, 64, 65, 128, 3_400], n <- [2 ** bits - 1, 2 ** bits] do
        assert Payload.decode!("[#{n},#{-n}]") == [n, -n]
      end

      assert unread(String.duplicate("1", 1_025)) == {:number_too_long, 0}
      assert Payload.decode!(String.duplicate("9", 1_024)) == 10 ** 1_024 - 1
    end

    test "a large exponent is an error, a small one is zero" do
      assert unread("[1e400]") == {:number_out_of_range, 1}
      assert unread("-1e99999999999999999999") == {:number_out_of_range, 0}
      assert Payload.decode!("[1e-400,-1E-99999999999999999999]") == [0.0, -0.0]
    end

    test "strings are binaries of their own" do
      text = ~s(["#{String.duplicate("a", 100)}","#{String.duplicate("b", 20)}"])
      [long, short] = Payload.decode!(text)
      assert :binary.referenced_byte_size(long) == 100
      # That of a binary on the heap is told in bits by OTP 27.
      assert :binary.referenced_byte_size(short) ==
               :binary.referenced_byte_size(:binary.copy(short))
    end

    test "reads parts of binaries, and bits of bitstrings" do
      <<_skip::binary-size(3), part::binary>> = <<"xyz", ~s({"a":["é"]})>>
      assert Payload.decode!(part) == %{"a" => ["é"]}

      <<_bit::1, shifted::binary>> = <<0::1, ~s({"a":["é"]})::binary>>
      assert Payload.decode!(shifted) == %{"a" => ["é"]}
    end

    test "makes no atoms" do
      name = "no_atom_#{System.unique_integer([:positive])}_yet"
      assert Payload.decode!(~s({"#{name}":"#{name}"})) == %{name => name}
      assert_raise ArgumentError, fn -> String.to_existing_atom(name) end
    end

    test "nests 512 deep and no deeper" do
      for {open, close} <- [{"[", "]"}, {~s({"a":), "}"}] do
        nested = fn n -> String.duplicate(open, n) <> "1" <> String.duplicate(close, n) end
        assert {:ok, _term} = Payload.decode(nested.(512))
        assert unread(nested.(513)) == {:too_deep, 512 * byte_size(open)}
        assert unread(nested.(100_000)) == {:too_deep, 512 * byte_size(open)}
      end
    end

    test "refuses more than 64 MB" do
      limit = 64 * 1024 * 1024
      text = ~s("#{String.duplicate("a", limit - 1)}")
      assert unread(text) == {:too_large, limit}
    end

    test "wants a binary" do
      assert_raise FunctionClauseError, fn -> Payload.decode(:text) end
      assert_raise FunctionClauseError, fn -> Payload.decode(<<1::1>>) end
    end
  end

  test "the raising twins raise, and say what and where" do
    assert_raise Error, "a tuple at [0]", fn -> Payload.encode!([{}]) end
    assert_raise Error, ~r/escape.*, byte 3/, fn -> Payload.decode!(~S("ab\x")) end
  end
end
