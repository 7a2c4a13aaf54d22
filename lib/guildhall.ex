defmodule Guildhall do
  @moduledoc """
  A chat cluster that speaks Discord's documented protocol.

  Take one module (a member list, an outbox, a hash ring), put a node under your
  own supervisor, or run the release as a product.
  """
end
