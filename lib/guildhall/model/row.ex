defmodule Guildhall.Model.Row do
  @moduledoc """
  What is stored of a struct: a version byte and the fields, as a tuple in the external term format.

      iex> alias Guildhall.Model.{Row, User}
      iex> row = Row.encode(%User{id: 1, username: "ada"})
      iex> Row.decode(row)
      {:ok, %User{id: 1, username: "ada"}}
      iex> Row.decode("something else")
      {:error, :corrupt}

  Fields are only ever appended, each with a default in its struct: a row that an older release
  wrote has fewer, and is filled up. A row with more fields than are known was written by a newer
  release and is `:corrupt` here, so that writing it back cannot lose them. Decoding checks every
  value and answers for any bytes whatsoever.

  Not stored, because they live elsewhere: a guild's roles, channels and member count, and of a
  message the author's and the mentioned users' members, the message that it refers to, the
  reactions and the nonce.
  """

  alias Guildhall.Model.User
  alias Guildhall.Model.Row.Shape

  @version 1

  # The byte that follows 131 in a term that is a tuple. A compressed term, which may claim any
  # size, begins otherwise.
  @small_tuple 104

  @type row :: binary()

  @doc "Writes a struct of the model as a row."
  @spec encode(struct()) :: row()
  def encode(struct) do
    <<@version, :erlang.term_to_binary(pack(struct), minor_version: 1)::binary>>
  end

  @doc "Reads a row."
  @spec decode(row()) :: {:ok, struct()} | {:error, :corrupt}
  def decode(<<@version, 131, @small_tuple, _rest::binary>> = row) do
    <<@version, term::binary>> = row

    case :erlang.binary_to_term(term, [:safe, :used]) do
      {tuple, used} when used == byte_size(term) -> {:ok, unpack(tuple)}
      _trailing_bytes -> {:error, :corrupt}
    end
  rescue
    ArgumentError -> {:error, :corrupt}
  catch
    :corrupt -> {:error, :corrupt}
  end

  def decode(row) when is_binary(row), do: {:error, :corrupt}

  @doc "Reads a row that must be good: a corrupt one raises."
  @spec decode!(row()) :: struct()
  def decode!(row) do
    case decode(row) do
      {:ok, struct} -> struct
      {:error, :corrupt} -> raise ArgumentError, "not a row: #{inspect(row, limit: 50)}"
    end
  end

  for {module, tag, first, fields} <- Shape.all() do
    values = Macro.generate_arguments(length(fields), __MODULE__)

    pairs = fn name ->
      for {{field, kind}, value} <- Enum.zip(fields, values) do
        {field, quote(do: unquote(name)(unquote(Macro.escape(kind)), unquote(value)))}
      end
    end

    defp pack(%unquote(module){unquote_splicing(Enum.zip(Keyword.keys(fields), values))}) do
      {unquote(tag), unquote_splicing(Keyword.values(pairs.(:pack)))}
    end

    defp unpack({unquote(tag), unquote_splicing(values)}) do
      %unquote(module){unquote_splicing(pairs.(:unpack))}
    end

    # What a row of this size lacks, as `pack/1` would have written it.
    defaults = for {field, _kind} <- fields, do: Map.fetch!(struct(module), field)

    for size <- first..(length(fields) - 1)//1 do
      defp added(unquote(tag), unquote(size)),
        do: unquote(Macro.escape(Enum.drop(defaults, size)))
    end
  end

  # An older row, or no row at all.
  defp unpack({}), do: throw(:corrupt)

  defp unpack(tuple) do
    [tag | values] = Tuple.to_list(tuple)
    unpack(List.to_tuple([tag | values ++ added(tag, length(values))]))
  end

  defp added(_tag, _size), do: throw(:corrupt)

  defp pack({:row, _module}, struct), do: pack(struct)
  defp pack({:by_id, _module}, structs), do: for({_id, struct} <- structs, do: pack(struct))
  defp pack(:mentions, mentions), do: for({user, _member} <- mentions, do: pack(user))
  defp pack({:maybe, _kind}, nil), do: nil
  defp pack({:maybe, kind}, value), do: pack(kind, value)
  defp pack(:link, link), do: {link.type, link.message_id, link.channel_id, link.guild_id}
  defp pack(_kind, value), do: value

  defp unpack(:integer, value) when is_integer(value), do: value
  defp unpack(:boolean, value) when is_boolean(value), do: value
  defp unpack(:text, value) when is_binary(value), do: value
  defp unpack({:maybe, _kind}, nil), do: nil
  defp unpack({:maybe, kind}, value), do: unpack(kind, value)
  defp unpack({:list, kind}, list), do: each(list, &unpack(kind, &1))
  defp unpack({:row, module}, tuple), do: row(module, tuple)

  defp unpack({:by_id, module}, list) do
    list |> each(&row(module, &1)) |> Map.new(&{&1.id, &1})
  end

  defp unpack(:mentions, list), do: each(list, &{row(User, &1), nil})

  defp unpack(:link, {type, message_id, channel_id, guild_id})
       when is_integer(type) and is_integer(channel_id) do
    maybe_id = {:maybe, :integer}

    %{
      type: type,
      message_id: unpack(maybe_id, message_id),
      channel_id: channel_id,
      guild_id: unpack(maybe_id, guild_id)
    }
  end

  defp unpack({:one_of, atoms}, value), do: if(value in atoms, do: value, else: throw(:corrupt))
  defp unpack(:plain, value), do: if(plain?(value), do: value, else: throw(:corrupt))
  defp unpack(_kind, _value), do: throw(:corrupt)

  defp row(module, tuple) when is_tuple(tuple) and tuple_size(tuple) > 0 do
    case unpack(tuple) do
      %^module{} = struct -> struct
      _other -> throw(:corrupt)
    end
  end

  defp row(_module, _other), do: throw(:corrupt)

  # Also refuses improper lists.
  defp each([value | values], fun), do: [fun.(value) | each(values, fun)]
  defp each([], _fun), do: []
  defp each(_other, _fun), do: throw(:corrupt)

  # What a JSON body can hold, with atoms or strings as keys.
  defp plain?(value) when is_binary(value) or is_number(value) or is_atom(value), do: true
  defp plain?(value) when is_map(value), do: pairs?(:maps.to_list(value))
  defp plain?([value | values]), do: plain?(value) and plain?(values)
  defp plain?(other), do: other == []

  defp pairs?([{key, value} | pairs]) when is_binary(key) or is_atom(key) do
    plain?(value) and pairs?(pairs)
  end

  defp pairs?(other), do: other == []
end
