defmodule Guildhall.User.Account do
  @moduledoc false

  # A user with what proves that it is him: the kind and the generation of his tokens, and in memory the
  # token itself, which no log and no crash report shows (`inspection.ex`). A bot has an application
  # beside it.
  #
  # [format] The credential's row is <<1, kind, generation::32>>, kind 0 a person's, 1 a bot's.

  alias Guildhall.Model.{Application, Row, Token, User}
  alias Guildhall.Store

  @enforce_keys [:user, :kind, :generation]
  defstruct @enforce_keys ++ [application: nil, token: nil]

  @type t :: %__MODULE__{
          user: User.t(),
          kind: Token.kind(),
          generation: Token.generation(),
          application: Application.t() | nil,
          token: Token.t() | nil
        }

  @spec new(User.t()) :: t()
  def new(%User{bot: bot} = user) do
    %__MODULE__{user: user, kind: if(bot, do: :bot, else: :user), generation: 1}
  end

  @spec partition(user_id :: pos_integer()) :: binary()
  def partition(user_id), do: <<user_id::64>>

  @spec ops(t()) :: [Store.op()]
  def ops(%__MODULE__{user: user} = account) do
    partition = partition(user.id)

    [
      {:put_new, :users, partition, "user", Row.encode(user)},
      {:put_new, :users, partition, "credential", credential(account)}
    ]
  end

  @spec credential(t()) :: binary()
  def credential(%__MODULE__{kind: :user, generation: generation}), do: <<1, 0, generation::32>>
  def credential(%__MODULE__{kind: :bot, generation: generation}), do: <<1, 1, generation::32>>

  @spec read(Guildhall.Instance.t(), user_id :: pos_integer()) ::
          {:ok, t()} | {:error, :unknown_user | :unavailable}
  def read(instance, user_id) do
    keys = for key <- ["user", "credential", "application"], do: {partition(user_id), key}

    case Store.get_many(instance, :users, keys) do
      {:ok, [user, <<1, kind, generation::32>>, application]} when is_binary(user) ->
        kind = if kind == 1, do: :bot, else: :user

        account(%__MODULE__{
          user: user,
          kind: kind,
          generation: generation,
          application: application
        })

      {:ok, [nil, nil, nil]} ->
        {:error, :unknown_user}

      {:error, reason} ->
        {:error, reason}
    end
  end

  # A damaged account cannot be used.
  defp account(%__MODULE__{application: application} = account) do
    with {:ok, user} <- Row.decode(account.user),
         {:ok, application} <- if(application, do: Row.decode(application), else: {:ok, nil}) do
      {:ok, %{account | user: user, application: application}}
    else
      {:error, :corrupt} -> {:error, :unavailable}
    end
  end
end
