defmodule Guildhall.Model.Json.Timestamp do
  @moduledoc false

  # Times as ISO 8601, digit by digit: a message has four of them, which made with the calendar of
  # the standard library cost as much as the rest of it.

  @compile {:inline, tens: 1, ones: 1}

  @day 86_400_000
  # Of the Gregorian calendar's 400 years, which are all alike.
  @era 146_097
  # The days from 0000-03-01 to 1970: a year that begins in March has its leap day at its end.
  @unix 719_468

  @spec format(integer()) :: String.t()
  def format(ms) do
    {year, month, day} = date(Integer.floor_div(ms, @day) + @unix)
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

  # Without a loop: 4, 100 and 400 years lack or have a day, five months from March on have 153.
  defp date(days) do
    era = Integer.floor_div(days, @era)
    day = days - era * @era
    year = div(day - div(day, 1_460) + div(day, 36_524) - div(day, 146_096), 365)
    day = day - (365 * year + div(year, 4) - div(year, 100))
    month = div(5 * day + 2, 153)
    day = day - div(153 * month + 2, 5) + 1

    if month < 10,
      do: {era * 400 + year, month + 3, day},
      else: {era * 400 + year + 1, month - 9, day}
  end

  # Of a number below 100.
  defp tens(number), do: ?0 + div(number, 10)
  defp ones(number), do: ?0 + rem(number, 10)
end
