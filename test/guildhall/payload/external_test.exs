defmodule Guildhall.Payload.ExternalTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.Payload
  alias Guildhall.Payload.Error
  alias Guildhall.PayloadFixture

  defp refused(binary) do
    {:error, %Error{} = error} = Payload.from_etf(binary)
    {error.reason, error.path}
  end

  defp refused_term(term), do: term |> :erlang.term_to_binary() |> refused()

  describe "to_etf/1" do
    # ATOM_EXT is 100 and SMALL_ATOM_EXT 115; what OTP 26 writes by itself is 118 and 119.
    test "atoms have the old tags" do
      for atom <- [nil, true, :MESSAGE_CREATE, String.to_atom(String.duplicate("a", 255))] do
        assert <<131, tag, _rest::binary>> = Payload.to_etf(atom)
        assert tag in [100, 115]
      end

      assert <<131, 116, 1::32, tag, _rest::binary>> = Payload.to_etf(%{op: 10})
      assert tag in [100, 115]
    end

    test "keys stay what they are" do
      term = %{:op => 0, "s" => 1, :t => :READY, :d => %{v: 10, list: [1, 2.5, nil]}}
      assert :erlang.binary_to_term(Payload.to_etf(term)) == term
    end
  end

  describe "from_etf/1" do
    property "reads what JSON has, when its keys are binaries" do
      forall term <- PayloadFixture.json() do
        {:ok, plain} = term |> Payload.encode!() |> Payload.decode()
        assert Payload.from_etf(Payload.to_etf(plain)) == {:ok, plain}
      end
    end

    property "any bytes are read or refused" do
      forall bytes <- oneof([binary(), map(any(), &:erlang.term_to_binary/1)]) do
        case Payload.from_etf(bytes) do
          {:ok, term} -> assert {:ok, _json} = Payload.encode(term)
          {:error, %Error{} = error} -> assert Exception.message(error) != ""
        end
      end
    end

    test "refuses what JSON has not, and says where" do
      assert refused_term(%{"d" => [1, {2}]}) == {:tuple, ["d", 1]}
      assert refused_term(%{"d" => :online}) == {:atom, ["d"]}
      assert refused_term([self()]) == {:pid, [0]}
      assert refused_term([make_ref()]) == {:reference, [0]}
      assert refused_term([hd(:erlang.ports())]) == {:port, [0]}
      assert refused_term([&is_list/1]) == {:function, [0]}
      assert refused_term([fn -> 1 end]) == {:function, [0]}
      assert refused_term([<<1::3>>]) == {:bitstring, [0]}
      assert refused_term([1 | 2]) == {:improper_list, []}
      assert refused_term(["a", <<0xFF>>]) == {:invalid_utf8, [1]}
      assert refused_term(10 ** 1_024) == {:number_too_long, []}
      assert refused_term(-(10 ** 1_024)) == {:number_too_long, []}
      assert refused_term(%{"d" => ~D[2020-01-01]}) == {:__struct__, ["d"]}
    end

    test "refuses keys that are no strings" do
      assert refused_term(%{op: 1}) == {:invalid_key, []}
      assert refused_term(%{"d" => %{1 => 1}}) == {:invalid_key, ["d"]}
      assert refused_term(%{<<0xFF>> => 1}) == {:invalid_utf8, []}
    end

    test "makes no atoms" do
      name = "no_etf_atom_#{System.unique_integer([:positive])}_yet"
      assert refused(<<131, 100, byte_size(name)::16, name::binary>>) == {:invalid_external, []}
      assert_raise ArgumentError, fn -> String.to_existing_atom(name) end
    end

    test "unpacks nothing" do
      bomb = :erlang.term_to_binary(String.duplicate("a", 10_000_000), [:compressed])
      assert byte_size(bomb) < 20_000
      assert refused(bomb) == {:invalid_external, []}
    end

    test "refuses bytes that are no term, cut ones, and ones with more behind" do
      good = Payload.to_etf(%{"a" => 1})
      assert refused("") == {:invalid_external, []}
      assert refused("{}") == {:invalid_external, []}
      assert refused(binary_part(good, 0, byte_size(good) - 1)) == {:invalid_external, []}
      assert refused(good <> "x") == {:invalid_external, []}
    end

    test "refuses counts that no bytes stand behind" do
      for tag <- [105, 108, 109, 116, 111] do
        assert refused(<<131, tag, 0xFFFFFFFF::32, 0>>) == {:invalid_external, []}
      end
    end

    test "nests 512 deep and no deeper" do
      nested = fn depth -> Enum.reduce(2..depth, [], fn _n, inner -> [inner] end) end
      assert {:ok, _term} = Payload.from_etf(Payload.to_etf(nested.(512)))
      assert {:too_deep, _path} = refused_term(nested.(513))
      assert {:too_deep, _path} = refused_term(nested.(100_000))
    end
  end
end
