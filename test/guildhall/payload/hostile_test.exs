defmodule Guildhall.Payload.HostileTest do
  use ExUnit.Case, async: true

  # Whatever comes, there is an answer or an ArgumentError, and the VM lives. What text and terms
  # can hold is in `Guildhall.PayloadTest` and the properties; here is what is large or no text.

  alias Guildhall.{Native, Payload}
  alias Guildhall.Options.ValidationError

  @big 0x1_0000_0000_0000_0000

  test "terms nested 10,000 deep, in every way" do
    for wrap <- [&[&1], &%{"a" => &1}, &%{&1 => 1}, &{&1}, &[1 | &1], &%Payload.Raw{json: &1}] do
      deep = Enum.reduce(1..10_000, 1, fn _n, inner -> wrap.(inner) end)
      assert {:error, %Payload.Error{}} = Payload.encode(deep)
      assert {:error, %Payload.Error{}} = Payload.from_etf(:erlang.term_to_binary(deep))
    end
  end

  test "texts nested 10,000 deep, in every way, closed or not" do
    for open <- ["[", ~s({"a":), ~s([[],), ~s({"a":[{},)] do
      assert {:error, %Payload.Error{reason: :too_deep}} =
               Payload.decode(String.duplicate(open, 10_000))
    end
  end

  test "very many of everything small" do
    for part <- ["[", "]", "{", "}", ~s("), ",", ":", "-", "0", "\\", "e", " ", <<0>>, <<255>>] do
      assert {:error, %Payload.Error{}} = Payload.decode(String.duplicate(part, 1_000_000))
    end

    text = "[" <> String.duplicate("[],", 500_000) <> "{}]"
    assert length(Payload.decode!(text)) == 500_001
    keys = Enum.map_join(1..100_000, ",", &~s("k#{&1}":#{&1}))
    assert map_size(Payload.decode!("{#{keys}}")) == 100_000
  end

  test "numbers that are long, and digits that are many" do
    digits = String.duplicate("1", 1_000_000)
    assert {:error, %{reason: :number_too_long}} = Payload.decode(digits)
    assert {:ok, 0.1111111111111111} = Payload.decode("0." <> digits)
    assert {:ok, +0.0} = Payload.decode("1e-" <> digits)
    assert {:error, %{reason: :number_out_of_range}} = Payload.decode("1e" <> digits)
  end

  test "external terms that claim more than there is" do
    for bytes <- [
          <<131, 108, 0xFFFF_FFFF::32>>,
          <<131, 109, 0xFFFF_FFFF::32, 1>>,
          <<131, 116, 0xFFFF_FFFF::32, 97, 1>>,
          <<131, 111, 0xFFFF_FFFF::32, 0, 1>>,
          <<131, 105, 0xFFFF_FFFF::32>>,
          <<131, 80, 0xFFFF_FFFF::32, 120>>,
          <<131>>,
          <<>>,
          :binary.copy(<<108, 1::32>>, 10_000)
        ] do
      assert {:error, %{reason: :invalid_external}} = Payload.from_etf(bytes)
    end
  end

  test "what is no text" do
    for term <- [nil, 1, 1.5, :text, ~c"text", <<1::1>>, %{}, [1 | 2], self()] do
      assert_raise FunctionClauseError, fn -> Payload.decode(term) end
      assert_raise FunctionClauseError, fn -> Payload.from_etf(term) end
    end
  end

  test "options that are none" do
    for options <- [[max_bytes: 0], [max_bytes: 64 * 1024 * 1024 + 1], [max_bytes: @big], [a: 1]],
        fun <- [&Payload.encode/2, &Payload.decode/2, &Payload.from_etf/2] do
      assert_raise ValidationError, fn -> fun.("1", options) end
    end
  end

  test "a rest that no call left" do
    {:more, text, {frames, next}} =
      Native.payload_encode(List.duplicate([%{1 => 1}], 50_000), @big - 1)

    for rest <- [
          nil,
          {[1], []},
          {[{1, 2, 3}], []},
          {[{%{}, @big, 0}], []},
          {[{%{}, 1_000_000_000, 0}], []},
          {[{%{a: 1}, -1, 0}], []},
          {[{} | frames], next},
          {frames ++ :tail, next},
          {frames, [1 | 2]}
        ] do
      assert_raise ArgumentError, fn -> Native.payload_encode_dirty(text, rest, 1_000_000) end
    end

    # What has the right shape is written, whatever it says.
    for rest <- [{[{[], []}], []}, {[{%{a: 1}, 1, @big - 1}], []}, {[{1, 2}], [self()]}] do
      assert {outcome, _} = Native.payload_encode_dirty(text, rest, 1_000_000)
      assert outcome in [:ok, :error]
    end
  end
end
