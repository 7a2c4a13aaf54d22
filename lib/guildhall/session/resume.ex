defmodule Guildhall.Session.Resume do
  @moduledoc "What a client says when it asks for its old session: the last event it has seen."

  @enforce_keys [:token, :session_id, :sequence]
  defstruct @enforce_keys

  @type t :: %__MODULE__{
          token: String.t(),
          session_id: String.t(),
          sequence: non_neg_integer() | :invalid
        }
end
