defmodule Guildhall.Gateway.Status do
  @moduledoc false

  # A presence as clients send it, in op 3 and in IDENTIFY. Junk is left out, texts that are too long are
  # cut, and activities that are too large are left out: real clients send what their users typed, and
  # must not be closed for it.

  alias Guildhall.Model.{Limits, Presence}

  @statuses %{
    "online" => :online,
    "idle" => :idle,
    "dnd" => :dnd,
    "invisible" => :invisible,
    # Whoever is here and looks as if not is invisible.
    "offline" => :invisible
  }
  @activities Limits.activities()
  @text Limits.activity_text()
  @url Limits.activity_url()
  @texts ~w(name state details)

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
    Presence.fit(
      for %{"name" => name} = activity when is_binary(name) <- Enum.take(list, @activities) do
        texts =
          for key <- @texts, is_binary(activity[key]), into: %{}, do: {key, cut(activity[key])}

        type = if activity["type"] in 0..5, do: activity["type"], else: 0
        more = %{"type" => type, "created_at" => System.system_time(:millisecond)}
        texts |> Map.merge(url(activity)) |> Map.merge(more)
      end
    )
  end

  defp activities(_junk), do: []

  # There are no more characters than bytes.
  defp cut(text) when byte_size(text) <= @text, do: text
  defp cut(text), do: text |> String.codepoints() |> Enum.take(@text) |> IO.iodata_to_binary()

  # Half a URL leads nowhere.
  defp url(%{"url" => url}) when is_binary(url) and byte_size(url) <= @url, do: %{"url" => url}
  defp url(_activity), do: %{}

  defp client(%{} = properties) do
    case properties["browser"] || properties["$browser"] do
      "Discord iOS" -> :mobile
      "Discord Android" -> :mobile
      _other -> :desktop
    end
  end

  defp client(_junk), do: :desktop
end
