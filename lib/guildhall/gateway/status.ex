defmodule Guildhall.Gateway.Status do
  @moduledoc false

  # A presence as clients send it, in op 3 and in IDENTIFY. What is junk is left out.

  alias Guildhall.Model.Presence

  @statuses %{
    "online" => :online,
    "idle" => :idle,
    "dnd" => :dnd,
    "invisible" => :invisible,
    # Whoever is here and looks as if not is invisible.
    "offline" => :invisible
  }
  @activities 5
  @texts ~w(name state details url)

  @doc "The presence of op 3."
  @spec read(map()) :: Presence.t()
  def read(data) do
    %Presence{
      status: Map.get(@statuses, data["status"], :online),
      activities: activities(data["activities"]),
      since: if(is_integer(data["since"]), do: data["since"]),
      afk: data["afk"] == true
    }
  end

  @doc "The presence of IDENTIFY. One library says `offline` there when it has nothing to say."
  @spec initial(term(), properties :: term()) :: Presence.t()
  def initial(%{"status" => "offline"} = data, properties) do
    data |> Map.delete("status") |> initial(properties)
  end

  def initial(%{} = data, properties), do: %{read(data) | client: client(properties)}
  def initial(_junk, properties), do: %Presence{client: client(properties)}

  defp activities(list) when is_list(list) do
    for %{"name" => name} = activity when is_binary(name) <- Enum.take(list, @activities) do
      texts = for key <- @texts, is_binary(activity[key]), into: %{}, do: {key, activity[key]}
      type = if activity["type"] in 0..5, do: activity["type"], else: 0
      Map.merge(texts, %{"type" => type, "created_at" => System.system_time(:millisecond)})
    end
  end

  defp activities(_junk), do: []

  defp client(%{} = properties) do
    case properties["browser"] || properties["$browser"] do
      "Discord iOS" -> :mobile
      "Discord Android" -> :mobile
      _other -> :desktop
    end
  end

  defp client(_junk), do: :desktop
end
