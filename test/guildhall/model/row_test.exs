defmodule Guildhall.Model.RowTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.Model.{Channel, Member, Row, User}
  alias Guildhall.Samples

  doctest Row

  property "every struct comes back as it was" do
    forall struct <- Samples.storable() do
      assert Row.decode(Row.encode(struct)) == {:ok, struct}
    end
  end

  test "what lives elsewhere is left out" do
    message = Samples.reply()
    assert {:ok, read} = Row.decode(Row.encode(message))

    [{mentioned, _member}] = message.mentions
    assert read.mentions == [{mentioned, nil}]
    assert {read.member, read.referenced, read.reactions, read.nonce} == {nil, nil, [], nil}
    assert read.reference == message.reference
    assert {read.stream, read.epoch, read.index} == {1, 2, 3}

    assert {:ok, guild} = Row.decode(Row.encode(Samples.guild()))
    assert {guild.roles, guild.channels, guild.member_count} == {%{}, %{}, 0}
    assert guild.features == ["COMMUNITY"]
  end

  # Written by hand: what the first release stores must be readable for ever.
  test "reads the rows of the first release" do
    user = {:user, 7, "ada", "0", "Ada", nil, nil, nil, true, 64, "en-US"}
    assert Row.decode(row(user)) == {:ok, %User{Samples.user() | id: 7, bot: true} |> bare()}

    member = {:member, user, "nick", nil, [1, 2], 1_000, nil, true, false, false, 1, 5}

    assert {:ok, %Member{nick: "nick", roles: [1, 2], deaf: true, timeout_until: 5}} =
             Row.decode(row(member))

    channel =
      {:channel, 1, 0, 2, "general", nil, 3, nil, false, 5, nil, nil,
       [{:overwrite, 2, :role, 1024, 0}], [], nil, 8, nil, 0}

    assert {:ok, %Channel{overwrites: %{2 => %{allow: 1024}}, last_message_id: 8} = read} =
             Row.decode(row(channel))

    # Added since, so their defaults.
    assert read.default_thread_rate_limit_per_user == 0
    assert read.rtc_region == nil
  end

  test "a row with more fields than are known is not read" do
    channel = Row.encode(Samples.channel()) |> term()
    channel = Tuple.insert_at(channel, tuple_size(channel), :new)
    assert Row.decode(row(channel)) == {:error, :corrupt}
  end

  test "a row with values of other types is not read" do
    user = {:user, 7, "ada", "0", nil, nil, nil, nil, false, 0, "en-US"}
    assert {:ok, _user} = Row.decode(row(user))

    for {place, bad} <- [{1, "7"}, {2, nil}, {2, ~c"ada"}, {8, 0}, {8, nil}, {9, 1.0}, {4, :nil_}] do
      assert Row.decode(row(put_elem(user, place, bad))) == {:error, :corrupt}
    end

    for bad <- [{:user}, {}, {:member, user}, {7}, [:user], :user, {:overwrite, 1, :owner, 0, 0}] do
      assert Row.decode(row(bad)) == {:error, :corrupt}
    end

    # An overwrite where a user belongs, an improper list, a fun.
    overwrite = {:overwrite, 1, :role, 0, 0}
    assert Row.decode(row({:ban, overwrite, nil})) == {:error, :corrupt}
    member = {:member, user, nil, nil, [1 | 2], 0, nil, false, false, false, 0, nil}
    assert Row.decode(row(member)) == {:error, :corrupt}
  end

  test "other versions, compressed terms and trailing bytes are not read" do
    <<1, term::binary>> = good = Row.encode(Samples.user())

    assert Row.decode(<<2, term::binary>>) == {:error, :corrupt}
    assert Row.decode(good <> <<0>>) == {:error, :corrupt}
    assert Row.decode("") == {:error, :corrupt}

    big = {:ban, term(Row.encode(Samples.user())), String.duplicate("a", 10_000)}
    compressed = :erlang.term_to_binary(big, compressed: 9)
    assert Row.decode(<<1, compressed::binary>>) == {:error, :corrupt}
  end

  property "bytes that were damaged never raise" do
    forall {struct, place, bytes} <- {Samples.storable(), non_neg_integer(), binary()} do
      row = Row.encode(struct)
      place = rem(place, byte_size(row))
      kept = max(byte_size(row) - place - byte_size(bytes), 0)

      damaged =
        binary_part(row, 0, place) <> bytes <> binary_part(row, byte_size(row) - kept, kept)

      case Row.decode(damaged) do
        {:ok, read} -> assert is_struct(read) and Row.decode(Row.encode(read)) == {:ok, read}
        {:error, :corrupt} -> :ok
      end
    end
  end

  property "no term makes it raise" do
    forall term <- any() do
      Row.decode(row(term))
      Row.decode(row({:ban, term, term}))
      Row.decode(row(List.to_tuple([:message | List.duplicate(term, 22)])))
    end
  end

  test "decode!/1 raises on a corrupt row" do
    assert %User{} = Row.decode!(Row.encode(Samples.user()))
    assert_raise ArgumentError, fn -> Row.decode!("x") end
  end

  defp row(term), do: <<1, :erlang.term_to_binary(term, minor_version: 1)::binary>>
  defp term(<<1, term::binary>>), do: :erlang.binary_to_term(term)
  defp bare(user), do: %{user | avatar: nil, banner: nil, accent_color: nil}
end
