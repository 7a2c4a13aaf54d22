defmodule Guildhall.Model.Json.Timestamp do
  @moduledoc false

  # Times as ISO 8601, digit by digit: a message has four of them, which made with the calendar of
  # the standard library cost as much as the rest of it.

  @day 86_400_000
  # The days from year 0 to 1970.
  @unix 719_528

  @spec format(integer()) :: String.t()
  def format(ms) do
    {year, month, day} = :calendar.gregorian_days_to_date(Integer.floor_div(ms, @day) + @unix)
    ms = Integer.mod(ms, @day)
    second = div(ms, 1_000)
    minute = div(second, 60)
    hour = div(minute, 60)
    ms = rem(ms, 1_000)

    <<tens(div(year, 100)), ones(div(year, 100)), tens(rem(year, 100)), ones(year), ?-,
      tens(month), ones(month), ?-, tens(day), ones(day), ?T, tens(hour), ones(hour), ?:,
      tens(rem(minute, 60)), ones(minute), ?:, tens(rem(second, 60)), ones(second), ?.,
      ?0 + div(ms, 100), ones(div(ms, 10)), ones(ms), "000+00:00">>
  end

  # Of a number below 100.
  defp tens(number), do: ?0 + div(number, 10)
  defp ones(number), do: ?0 + rem(number, 10)
end
