defmodule Guildhall.Model.Token do
  @moduledoc """
  What a client proves itself with.

  A token is `base64url(user id) "." 6 characters "." 27 characters`: whose it is, which generation
  of that user's tokens, and the first 20 bytes of an HMAC-SHA256 over user, kind and generation.
  The store holds the generation and never the token, so that a stolen store opens no account; a
  token is revoked by a new generation.

      iex> alias Guildhall.Model.Token
      iex> token = Token.issue("key", 175_928_847_299_117_063, :bot, 1)
      iex> Token.parse(token)
      {:ok, 175_928_847_299_117_063}
      iex> Token.same?(token, Token.issue("key", 175_928_847_299_117_063, :bot, 1))
      true
      iex> Token.same?(token, Token.issue("key", 175_928_847_299_117_063, :bot, 2))
      false
  """

  alias Guildhall.Model.Snowflake

  # 27 + 1 + 6 + 1 + 27: the longest token there is.
  @max_size 62
  @signature_bytes 20

  @type t :: String.t()
  @type kind :: :bot | :user
  @type generation :: 0..0xFFFF_FFFF

  @doc "Makes the token of a user's generation."
  @spec issue(key :: binary(), Snowflake.t(), kind(), generation()) :: t()
  def issue(key, user_id, kind, generation)
      when kind in [:bot, :user] and generation in 0..0xFFFF_FFFF do
    owner = user_id |> Integer.to_string() |> encode()
    signature = sign(key, user_id, kind, generation)
    owner <> "." <> encode(<<generation::32>>) <> "." <> encode(signature)
  end

  @doc "Reads whose token it claims to be. Says nothing about whether it is."
  @spec parse(term()) :: {:ok, Snowflake.t()} | :error
  def parse(token) when is_binary(token) and byte_size(token) <= @max_size do
    with [owner, <<_generation::binary-6>>, <<_signature::binary-27>>] <-
           String.split(token, "."),
         {:ok, digits} <- Base.url_decode64(owner, padding: false) do
      Snowflake.parse(digits)
    else
      _other -> :error
    end
  end

  def parse(_other), do: :error

  @doc """
  Returns whether the token was issued with this key for that user at some time. Whether its generation is
  the right one still, only the store knows.
  """
  @spec issued?(key :: binary(), Snowflake.t(), t()) :: boolean()
  def issued?(key, user_id, token) do
    with [_owner, generation, _signature] <- String.split(token, "."),
         {:ok, <<generation::32>>} <- Base.url_decode64(generation, padding: false) do
      Enum.any?([:bot, :user], &same?(token, issue(key, user_id, &1, generation)))
    else
      _other -> false
    end
  end

  @doc "Returns whether the token is the right one. Takes the same time for every wrong one of its length."
  @spec same?(t(), right :: t()) :: boolean()
  def same?(token, right) do
    byte_size(token) == byte_size(right) and :crypto.hash_equals(token, right)
  end

  defp sign(key, user_id, kind, generation) do
    claim = <<user_id::64, kind_code(kind), generation::32>>
    binary_part(:crypto.mac(:hmac, :sha256, key, claim), 0, @signature_bytes)
  end

  defp kind_code(:user), do: 0
  defp kind_code(:bot), do: 1

  defp encode(bytes), do: Base.url_encode64(bytes, padding: false)
end
