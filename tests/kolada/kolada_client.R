# A client in R with httr2, of nothing but Kolada's contract: reads the values of some KPIs,
# municipalities and years, and what they are called, and writes them as CSV in UTF-8.
#
#   Rscript kolada_client.R BASE KPIS MUNICIPALITIES YEARS FOLDER [FROM_DATE]
#
# The lists are separated by commas. FOLDER gets observation.csv, one row per gender, and kpi.csv,
# municipality.csv and municipality_groups.csv with id and title.

library(httr2)

# The rows of every page, from the first address along next_url.
pages <- function(url) {
  rows <- list()
  while (!is.null(url)) {
    page <- request(url) |> req_retry(max_tries = 3) |> req_perform() |> resp_body_json()
    rows <- c(rows, page$values)
    url <- page$next_url
    n_page <<- n_page + 1
  }
  rows
}

# Kolada takes at most 25 ids in one list.
batches <- function(ids) {
  split(ids, ceiling(seq_along(ids) / 25))
}

# One row per gender; a null is NA and never 0.
observations <- function(records) {
  n_inner <- lengths(lapply(records, `[[`, "values"))
  outer <- function(name, kind) rep(vapply(records, `[[`, kind, name), n_inner)
  inner <- unlist(lapply(records, `[[`, "values"), recursive = FALSE)
  field <- function(name, kind) vapply(inner, `[[`, kind, name)
  value <- vapply(inner, function(one) if (is.null(one$value)) NA else one$value, numeric(1))
  data.frame(
    kpi = outer("kpi", character(1)),
    municipality = outer("municipality", character(1)),
    period = outer("period", integer(1)),
    gender = field("gender", character(1)),
    count = field("count", integer(1)),
    status = field("status", character(1)),
    # Left to itself, R writes 15 digits; 17 say exactly which number it is.
    value = ifelse(is.na(value), NA, sprintf("%.17g", value)),
    isdeleted = field("isdeleted", logical(1))
  )
}

titles <- function(records) {
  field <- function(name) vapply(records, `[[`, character(1), name)
  data.frame(id = field("id"), title = field("title"))
}

# Not write.csv: where the locale has no UTF-8 it writes <U+00E5> for å.
write_utf8 <- function(frame, path) {
  quoted <- function(x) ifelse(is.na(x), "", paste0('"', gsub('"', '""', x, fixed = TRUE), '"'))
  lines <- do.call(paste, c(lapply(frame, quoted), sep = ","))
  file <- file(path, "wb")
  writeLines(enc2utf8(c(paste(names(frame), collapse = ","), lines)), file, useBytes = TRUE)
  close(file)
}

arguments <- commandArgs(trailingOnly = TRUE)
base <- arguments[1]
lists <- strsplit(arguments[2:4], ",")
folder <- arguments[5]
changed_since <- if (length(arguments) > 5) paste0("?from_date=", arguments[6]) else ""
n_page <- 0

records <- list()
for (kpi in batches(lists[[1]])) {
  for (municipality in batches(lists[[2]])) {
    for (year in batches(lists[[3]])) {
      ids <- vapply(list(kpi, municipality, year), paste, character(1), collapse = ",")
      path <- sprintf("/data/kpi/%s/municipality/%s/year/%s", ids[1], ids[2], ids[3])
      records <- c(records, pages(paste0(base, path, changed_since)))
    }
  }
}
cat(length(records), "rows in", n_page, "pages\n")
write_utf8(observations(records), file.path(folder, "observation.csv"))

for (table in c("kpi", "municipality", "municipality_groups")) {
  write_utf8(titles(pages(paste0(base, "/", table))), file.path(folder, paste0(table, ".csv")))
}
