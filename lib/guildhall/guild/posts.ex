defmodule Guildhall.Guild.Posts do
  @moduledoc false

  # What a room remembers of the messages that passed: the last one of each channel, the bucket that
  # the channel's index is known to have, and for minutes who posted with which nonce and, in
  # slow channels, when.
  #
  # Nonces and slow posters are two-generation tables: both the age and the number of what is kept
  # is bounded. A slow poster who is forgotten early may post early.

  alias Guildhall.Guild.Keys
  alias Guildhall.Model.Message

  @nonces 2_048
  @nonce_age 300_000
  @posters 8_192

  defstruct last: %{}, buckets: %{}, nonces: {%{}, %{}, 0}, posters: {%{}, %{}}

  @type id :: pos_integer()
  @type nonce :: {channel_id :: id(), user_id :: id(), nonce :: term()}
  @type t :: %__MODULE__{
          last: %{optional(id()) => id() | nil},
          buckets: %{optional(id()) => non_neg_integer()},
          nonces: {young :: map(), old :: map(), since :: integer()},
          posters: {young :: map(), old :: map()}
        }

  @doc "Notes a message that is in the store."
  @spec put(t(), Message.t()) :: t()
  def put(%__MODULE__{} = posts, %Message{id: id, channel_id: channel_id}) do
    last = Map.update(posts.last, channel_id, id, &max(&1 || 0, id))
    buckets = Map.put(posts.buckets, channel_id, Keys.message_bucket(id))
    %{posts | last: last, buckets: buckets}
  end

  @spec last(t(), channel_id :: id()) :: id() | nil
  def last(%__MODULE__{last: last}, channel_id), do: Map.get(last, channel_id)

  @doc "Takes in the last ids that were read from the store."
  @spec recover(t(), %{optional(id()) => id() | nil}) :: t()
  def recover(%__MODULE__{} = posts, found) do
    %{posts | last: Map.merge(found, posts.last)}
  end

  @doc "Whether the channel's index is known to have the message's bucket."
  @spec indexed?(t(), channel_id :: id(), message_id :: id()) :: boolean()
  def indexed?(%__MODULE__{buckets: buckets}, channel_id, message_id) do
    Map.get(buckets, channel_id) == Keys.message_bucket(message_id)
  end

  @spec put_nonce(t(), nonce(), Message.t(), now :: integer()) :: t()
  def put_nonce(%__MODULE__{nonces: {young, old, since}} = posts, nonce, message, now) do
    if map_size(young) >= @nonces or now - since > @nonce_age,
      do: %{posts | nonces: {%{nonce => {now, message}}, young, now}},
      else: %{posts | nonces: {Map.put(young, nonce, {now, message}), old, since}}
  end

  @doc "The message that this author posted with this nonce in the last minutes."
  @spec fetch_nonce(t(), nonce(), now :: integer()) :: {:ok, Message.t()} | :error
  def fetch_nonce(%__MODULE__{nonces: {young, old, _since}}, nonce, now) do
    case Map.get(young, nonce) || Map.get(old, nonce) do
      {at, message} when now - at <= @nonce_age -> {:ok, message}
      _none -> :error
    end
  end

  @doc "Notes when someone posted in a slow channel."
  @spec put_poster(t(), channel_id :: id(), user_id :: id(), now :: integer()) :: t()
  def put_poster(%__MODULE__{posters: {young, old}} = posts, channel_id, user_id, now) do
    if map_size(young) >= @posters,
      do: %{posts | posters: {%{{channel_id, user_id} => now}, young}},
      else: %{posts | posters: {Map.put(young, {channel_id, user_id}, now), old}}
  end

  @doc "How long the user must still wait in a channel of one message per `rate` seconds."
  @spec wait(t(), channel_id :: id(), user_id :: id(), rate :: non_neg_integer(), integer()) ::
          non_neg_integer()
  def wait(_posts, _channel_id, _user_id, 0, _now), do: 0

  def wait(%__MODULE__{posters: {young, old}}, channel_id, user_id, rate, now) do
    key = {channel_id, user_id}

    case Map.get(young, key) || Map.get(old, key) do
      nil -> 0
      at -> max(at + rate * 1_000 - now, 0)
    end
  end

  @spec forget_channel(t(), channel_id :: id()) :: t()
  def forget_channel(%__MODULE__{} = posts, channel_id) do
    %{
      posts
      | last: Map.delete(posts.last, channel_id),
        buckets: Map.delete(posts.buckets, channel_id)
    }
  end
end
