defmodule Guildhall.Session.Pages do
  @moduledoc false

  # Requests for members, in turn, and how far each is answered. A page is read when the client has
  # read the one before, so that a session never holds more than one.

  alias Guildhall.Session.MemberRequest

  defstruct waiting: :queue.new(), whole: %{}

  @typedoc "A request on its way: the next chunk of how many, after which member."
  @type page :: %{
          request: MemberRequest.t(),
          index: non_neg_integer(),
          count: pos_integer() | nil,
          after: non_neg_integer()
        }
  @type t :: %__MODULE__{
          waiting: :queue.queue(page()),
          whole: %{optional(non_neg_integer()) => integer()}
        }

  # Requests that may wait, and for how long one more is put off.
  @limit 64
  @pause 1_000

  @spec new() :: t()
  def new, do: %__MODULE__{}

  @doc "Takes a request in. All members of a guild may be asked for once in `interval`."
  @spec request(t(), MemberRequest.t(), now :: integer(), interval :: non_neg_integer()) ::
          {:ok, t()} | {:error, :limited, pause :: pos_integer()}
  def request(%__MODULE__{} = pages, %{select: :all} = request, now, interval) do
    guild_id = request.guild_id

    case Map.filter(pages.whole, fn {_guild_id, at} -> now - at < interval end) do
      %{^guild_id => at} -> {:error, :limited, interval - (now - at)}
      recent -> push(%{pages | whole: Map.put(recent, guild_id, now)}, request)
    end
  end

  def request(%__MODULE__{} = pages, request, _now, _interval) do
    push(pages, request)
  end

  @spec any?(t()) :: boolean()
  def any?(%__MODULE__{waiting: waiting}), do: not :queue.is_empty(waiting)

  @spec next(t()) :: {:ok, page(), t()} | :none
  def next(%__MODULE__{waiting: waiting} = pages) do
    case :queue.out(waiting) do
      {{:value, page}, waiting} -> {:ok, page, %{pages | waiting: waiting}}
      {:empty, _waiting} -> :none
    end
  end

  @doc "Puts a page that has more to come back in front."
  @spec back(t(), page()) :: t()
  def back(%__MODULE__{waiting: waiting} = pages, page) do
    %{pages | waiting: :queue.in_r(page, waiting)}
  end

  defp push(%__MODULE__{waiting: waiting} = pages, request) do
    page = %{request: request, index: 0, count: nil, after: 0}

    if :queue.len(waiting) < @limit,
      do: {:ok, %{pages | waiting: :queue.in(page, waiting)}},
      else: {:error, :limited, @pause}
  end
end
