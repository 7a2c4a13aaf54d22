defmodule Guildhall.Session.Lists do
  @moduledoc false

  # Which member lists a client looks at, as a value: what it said of each guild, which only changes
  # where it says something. Guilds know it while the client is there: one that is absent is shown
  # nothing, and what it looks at anew when it comes back.

  alias Guildhall.Session.Window

  @guilds 25
  # Times that it may be said what is looked at, in so many ms.
  @wishes {60, 10_000}

  defstruct guilds: %{}, wishes: nil, absent?: false

  @type windows :: [non_neg_integer()]
  @typedoc "Without `subscribed?` the rest has no effect."
  @type guild :: %{
          subscribed?: boolean(),
          channels: %{optional(channel_id :: pos_integer()) => windows()}
        }
  @type t :: %__MODULE__{
          guilds: %{optional(guild_id :: pos_integer()) => guild()},
          wishes: Window.t(),
          absent?: boolean()
        }
  @typedoc "What a client says of a guild; nil: nothing any more."
  @type wish ::
          %{
            optional(:subscribed?) => boolean(),
            optional(:channels) => %{optional(pos_integer()) => windows()}
          }
          | nil
  @type effect ::
          {:watch, guild_id :: pos_integer(), %{optional(pos_integer()) => windows()}}
          | {:push, type :: String.t(), data :: map()}
          | {:dropped, :lists}

  @none %{subscribed?: false, channels: %{}}

  @doc "Takes in what the client says of some guilds, as often as it may if that is `limited?`."
  @spec wish(t(), [{pos_integer(), wish()}], now :: integer(), limited? :: boolean()) ::
          {t(), [effect()]}
  def wish(%__MODULE__{} = lists, guilds, now, limited?) do
    limit = if limited?, do: @wishes

    Enum.reduce(guilds, {lists, []}, fn {guild_id, wish}, {lists, effects} ->
      with {:ok, window} <- Window.count(lists.wishes, now, limit),
           {:ok, lists, more} <- wish(%{lists | wishes: window}, guild_id, wish) do
        {lists, effects ++ more}
      else
        {:error, :limited} -> {lists, effects ++ limited(guild_id)}
      end
    end)
  end

  defp limited(guild_id) do
    meta = %{guild_id: Integer.to_string(guild_id)}
    data = %{opcode: 37, retry_after: elem(@wishes, 1) / 1000, meta: meta}
    [{:push, "RATE_LIMITED", data}, {:dropped, :lists}]
  end

  defp wish(%__MODULE__{guilds: guilds} = lists, guild_id, wish) do
    guild = if wish, do: Map.merge(Map.get(guilds, guild_id, @none), wish), else: @none

    cond do
      guild == @none ->
        lists = %{lists | guilds: Map.delete(guilds, guild_id)}
        {:ok, lists, if(is_map_key(guilds, guild_id), do: watch(lists, guild_id), else: [])}

      is_map_key(guilds, guild_id) or map_size(guilds) < @guilds ->
        lists = %{lists | guilds: Map.put(guilds, guild_id, guild)}
        said? = is_map_key(wish, :channels)
        {:ok, lists, if(said?, do: watch(lists, guild_id), else: later(lists, guild_id, guilds))}

      true ->
        {:error, :limited}
    end
  end

  # `typing` alone may make valid what was said of channels before.
  defp later(lists, guild_id, before) do
    if shown(lists, guild_id) == shown(%{lists | guilds: before}, guild_id),
      do: [],
      else: watch(lists, guild_id)
  end

  defp shown(%__MODULE__{absent?: true}, _guild_id), do: %{}

  defp shown(%__MODULE__{guilds: guilds}, guild_id) do
    case guilds do
      %{^guild_id => %{subscribed?: true, channels: channels}} -> channels
      %{} -> %{}
    end
  end

  defp watch(lists, guild_id), do: [{:watch, guild_id, shown(lists, guild_id)}]

  @doc "The guild knows the session, and nothing of what it looks at."
  @spec attached(t(), pos_integer()) :: [effect()]
  def attached(lists, guild_id) do
    if shown(lists, guild_id) == %{}, do: [], else: watch(lists, guild_id)
  end

  @doc "The session has left the guild."
  @spec removed(t(), pos_integer()) :: t()
  def removed(%__MODULE__{} = lists, guild_id) do
    %{lists | guilds: Map.delete(lists.guilds, guild_id)}
  end

  @doc "The client is absent, or back."
  @spec absent(t(), boolean()) :: {t(), [effect()]}
  def absent(%__MODULE__{absent?: absent?} = lists, absent?), do: {lists, []}

  def absent(%__MODULE__{guilds: guilds} = lists, absent?) do
    changed = %{lists | absent?: absent?}
    looked? = &(shown(lists, &1) != shown(changed, &1))
    {changed, for({id, _guild} <- guilds, looked?.(id), effect <- watch(changed, id), do: effect)}
  end
end
