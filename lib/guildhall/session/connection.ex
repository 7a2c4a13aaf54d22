defmodule Guildhall.Session.Connection do
  @moduledoc """
  What a session needs of the connection to its client.

  A session knows neither frames nor opcodes nor close codes: whoever accepts clients
  implements this behaviour, and starts sessions with `{module, connection}`. The
  connection is a value of one process at a time: first of the process that shook
  hands, from `c:transfer/2` on of the session.
  """

  alias Guildhall.Model.{Presence, User}
  alias Guildhall.Session.MemberRequest

  @typedoc "The implementation's own value."
  @type t :: term()

  @typedoc "Why a connection is closed. The implementation knows the code on the wire."
  @type reason :: atom()

  @typedoc "What the client asked of its session."
  @type command ::
          {:heartbeat, sequence :: non_neg_integer() | nil}
          | {:presence, Presence.t()}
          | {:voice, guild_id :: non_neg_integer(), attributes :: map()}
          | {:members, MemberRequest.t()}
          | {:lists, [{guild_id :: pos_integer(), wish :: map() | nil}]}
          | :ignored
          | :writable
          | {:invalid, reason()}

  @doc "The client is known from now on, and so are the limits of its kind."
  @callback authenticated(t(), User.t()) :: {:ok, t()} | {:error, reason()}

  @doc "Gives the connection to the session. No byte that the client sent is lost."
  @callback transfer(t(), pid()) :: {:ok, t()} | {:error, term()}

  @doc "What the outbox is pushed may be written from now on, by whoever pushes."
  @callback connect(t(), Guildhall.Outbox.t()) :: t()

  @doc "Starts the flow of messages to the session, and returns what the client sent before."
  @callback activate(t()) ::
              {:ok, [command()], t()} | {:closed, code :: non_neg_integer() | nil}

  @doc """
  Turns a message of the owner's mailbox into the client's commands.

  A message that is not the connection's is `:unknown`. `code` is the close code that the
  client sent, if it sent one.
  """
  @callback handle_info(message :: term(), t()) ::
              {:ok, [command()], t()} | {:closed, code :: non_neg_integer() | nil} | :unknown

  @doc """
  Writes what waits in the outbox, without waiting for the client.

  `:idle` means that the outbox is empty, `:busy` that the client must read first (a `:writable`
  command follows), `:more` that it is another one's turn to use the processor.
  """
  @callback deliver(t(), Guildhall.Outbox.t()) :: {:idle | :busy | :more, t()}

  @doc "Returns how many bytes the client, or the kernel for it, has taken in all, and how many wait for it."
  @callback progress(t(), Guildhall.Outbox.t()) ::
              {taken :: non_neg_integer(), waiting :: non_neg_integer()}

  @doc "Answers a heartbeat."
  @callback acknowledge(t()) :: t()

  @doc "Asks the client to come back on another connection."
  @callback reconnect(t()) :: t()

  @doc "Closes the connection; the client learns why if it still reads."
  @callback close(t(), reason()) :: :ok
end
