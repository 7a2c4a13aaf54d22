defmodule Guildhall.Api.Auth do
  @moduledoc false

  # Whose request it is. Bots write `Bot TOKEN`, people the bare token, and neither may pass for
  # the other; the operator writes `Bearer SECRET`.

  alias Guildhall.Http.Request
  alias Guildhall.{Instance, Store, User}

  @spec user(Instance.t(), Request.t()) ::
          {:ok, Guildhall.Model.User.t()} | {:error, :unauthorized | :unavailable}
  def user(instance, request) do
    with {:ok, kind, token} <- credentials(Request.header(request, "authorization")),
         {:ok, user} <- User.authenticate(instance, token),
         true <- user.bot == (kind == :bot) do
      {:ok, user}
    else
      # A client whose token is refused never comes back.
      {:error, :unavailable} -> {:error, :unavailable}
      _refused -> {:error, :unauthorized}
    end
  end

  defp credentials("Bot " <> token), do: {:ok, :bot, String.trim(token)}
  defp credentials(token) when is_binary(token), do: {:ok, :person, token}
  defp credentials(nil), do: :error

  @spec operator(Instance.t(), Request.t()) :: :ok | {:error, :unauthorized}
  def operator(instance, request) do
    with "Bearer " <> text <- Request.header(request, "authorization"),
         {:ok, given} <- Base.url_decode64(String.trim(text), padding: false),
         secret = Store.secret(instance, "operator"),
         true <- byte_size(given) == byte_size(secret),
         true <- :crypto.hash_equals(given, secret) do
      :ok
    else
      _refused -> {:error, :unauthorized}
    end
  end
end
