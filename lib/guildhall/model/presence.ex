defmodule Guildhall.Model.Presence do
  @moduledoc "What a session says of its user: status and activities (maps as the client sent them, checked)."

  defstruct status: :online, activities: [], since: nil, afk: false, client: :desktop

  @type status :: :online | :idle | :dnd | :invisible | :offline
  @type t :: %__MODULE__{
          status: status(),
          activities: [map()],
          since: integer() | nil,
          afk: boolean(),
          client: :desktop | :mobile | :web
        }
end
