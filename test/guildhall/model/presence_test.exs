defmodule Guildhall.Model.PresenceTest do
  use ExUnit.Case, async: true

  doctest Guildhall.Model.Presence
end
