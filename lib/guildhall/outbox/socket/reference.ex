defmodule Guildhall.Outbox.Socket.Reference do
  @moduledoc false

  # `Guildhall.Outbox.Socket` as a value: what is written, in which order, and what each call answers.
  #
  # How much a kernel takes nobody can foretell, so whoever drives a socket says with each call that may
  # write how many bytes the kernel leaves, and is told what follows from that.

  @enforce_keys [:limit]
  defstruct [:limit, first: "", behind: "", wire: [], ended?: false, lost?: false]

  @type t :: %__MODULE__{
          limit: pos_integer(),
          # What is left of the write that found the socket full, and what was written after it.
          first: binary(),
          behind: binary(),
          # All that the kernel has taken, the newest first.
          wire: [binary()],
          ended?: boolean(),
          lost?: boolean()
        }

  @spec new(limit :: pos_integer()) :: t()
  def new(limit), do: %__MODULE__{limit: limit}

  @doc "Bytes that wait for the kernel."
  @spec kept(t()) :: non_neg_integer()
  def kept(socket), do: byte_size(socket.first) + byte_size(socket.behind)

  @doc "What the peer gets."
  @spec wire(t()) :: binary()
  def wire(socket), do: socket.wire |> Enum.reverse() |> IO.iodata_to_binary()

  @doc "Whether nothing more may be written."
  @spec over?(t()) :: boolean()
  def over?(socket), do: socket.ended? or socket.lost?

  @spec write(t(), iodata(), left :: non_neg_integer()) ::
          {Guildhall.Outbox.Socket.written(), t()}
  def write(socket, data, left) do
    data = IO.iodata_to_binary(data)

    cond do
      over?(socket) -> {:lost, socket}
      kept(socket) == 0 -> give(socket, data, left)
      byte_size(socket.behind) + byte_size(data) > socket.limit -> {:slow, lose(socket)}
      true -> {:blocked, %{socket | behind: socket.behind <> data}}
    end
  end

  @spec write_last(t(), iodata(), left :: non_neg_integer()) ::
          {Guildhall.Outbox.Socket.written(), t()}
  def write_last(socket, data, left) do
    {written, socket} = write(socket, data, left)
    {written, %{socket | ended?: true}}
  end

  @spec resume(t(), left :: non_neg_integer()) :: {:ok | :blocked | :lost, t()}
  def resume(%{lost?: true} = socket, _left), do: {:lost, socket}

  def resume(socket, left) do
    {resumed, given} = give(%{socket | first: ""}, socket.first <> socket.behind, left)
    # The first go first.
    behind = min(left, byte_size(socket.behind))
    first = binary_part(given.first, 0, left - behind)
    {resumed, %{given | first: first, behind: last(socket.behind, behind)}}
  end

  @spec close(t()) :: t()
  def close(socket), do: lose(%{socket | first: "", behind: ""})

  defp lose(socket), do: %{socket | lost?: true}

  defp give(socket, data, left) do
    taken = binary_part(data, 0, byte_size(data) - left)
    answer = if left == 0, do: :ok, else: :blocked
    {answer, %{socket | wire: [taken | socket.wire], first: last(data, left)}}
  end

  defp last(data, count), do: binary_part(data, byte_size(data), -count)
end
